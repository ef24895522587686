// SPDX-License-Identifier: Apache-2.0
// A real program that can be told when to begin: the JDK's own compiler, in process.
//
//   java truth.CompileLoop DIRECTORY ROUNDS
//
// Writes sources into DIRECTORY, prints "ready", waits for one byte on standard input, compiles them
// ROUNDS times and exits.
package truth;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

public final class CompileLoop {
  static final int CLASSES = 40;

  private CompileLoop() {}

  static List<File> generate(Path directory) throws IOException {
    List<File> sources = new ArrayList<>();
    for (int i = 0; i < CLASSES; i++) {
      String next = "Generated" + (i + 1) % CLASSES;
      String text = "import java.util.*;\n"
          + "public class Generated" + i + " {\n"
          + "  final Map<String, List<" + next + ">> all = new TreeMap<>();\n"
          + "  int sum(int... xs) { return Arrays.stream(xs).map(x -> x + " + i + ").sum(); }\n"
          + "  class Inner { " + next + " other; int f() { return other.sum(1, 2, 3); } }\n"
          + "}\n";
      Path file = directory.resolve("Generated" + i + ".java");
      Files.write(file, text.getBytes(StandardCharsets.UTF_8));
      sources.add(file.toFile());
    }
    return sources;
  }

  static void compile(List<File> sources, Path classes) throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      List<String> options = Arrays.asList("-d", classes.toString());
      boolean compiled =
          compiler.getTask(null, files, null, options, null, files.getJavaFileObjectsFromFiles(sources))
              .call();
      if (!compiled) throw new IllegalStateException("the generated sources do not compile");
    }
  }

  public static void main(String[] args) throws IOException {
    Path directory = Paths.get(args[0]);
    int rounds = Integer.parseInt(args[1]);
    List<File> sources = generate(directory);
    Path classes = Files.createDirectories(directory.resolve("classes"));
    System.out.print("ready\n");
    System.out.flush();
    if (System.in.read() < 0) return;
    for (int i = 0; i < rounds; i++) compile(sources, classes);
  }
}
