// SPDX-License-Identifier: Apache-2.0
// What scripts/demo traces: a service that opens files in the ways that services do.
//
//   java OpenFiles DIRECTORY
//
// Three threads until it is killed or its parent closes standard input: "config" reads Properties
// and scans a tree, "plugins" loads classes from a jar by reflection, "journal" appends to a log.
// DIRECTORY is filled by the program itself. Prints "ready" once all three are at work.

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;

public final class OpenFiles {
  private static final int DOCUMENTS = 24;

  private final Path directory;
  private final CountDownLatch started = new CountDownLatch(3);
  private volatile long opened;  // keeps the work from being optimized away

  private OpenFiles(Path directory) {
    this.directory = directory;
  }

  /** What the plugin loader finds in its jar and calls by reflection. */
  public static final class Plugin {
    public String load(Path file) throws IOException {
      try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
        return reader.readLine();
      }
    }
  }

  /** Work that is repeated until the program ends. */
  private interface Work {
    void once(int round) throws Exception;
  }

  private void prepare() throws IOException {
    Path documents = Files.createDirectories(directory.resolve("documents"));
    for (int i = 0; i < DOCUMENTS; i++) {
      Path folder = Files.createDirectories(documents.resolve("part" + i % 4));
      Files.write(folder.resolve("doc" + i + ".txt"), ("document " + i + "\n").getBytes());
    }
    Files.write(directory.resolve("app.properties"), "name=demo\nlimit=10\n".getBytes());
    try (OutputStream out = Files.newOutputStream(directory.resolve("plugin.jar"));
        JarOutputStream jar = new JarOutputStream(out);
        InputStream code = OpenFiles.class.getResourceAsStream("OpenFiles$Plugin.class")) {
      jar.putNextEntry(new JarEntry("OpenFiles$Plugin.class"));
      byte[] buffer = new byte[8192];
      for (int n = code.read(buffer); n > 0; n = code.read(buffer)) jar.write(buffer, 0, n);
      jar.closeEntry();
    }
  }

  // ---- thread "config"

  private void readConfig(int round) throws IOException {
    Properties properties = new Properties();
    try (InputStream in = new FileInputStream(directory.resolve("app.properties").toFile())) {
      properties.load(in);
    }
    opened += Integer.parseInt(properties.getProperty("limit"));
    if (round % 4 == 0) scan();
    if (round % 4 == 2) readAll();
  }

  private void scan() throws IOException {
    try (Stream<Path> tree = Files.walk(directory.resolve("documents"))) {
      opened += tree.filter(Files::isRegularFile).count();
    }
  }

  private void readAll() {
    opened += IntStream.range(0, DOCUMENTS)
        .mapToObj(i -> directory.resolve("documents/part" + i % 4 + "/doc" + i + ".txt"))
        .mapToLong(file -> size(file))
        .sum();
  }

  private static long size(Path file) {
    try {
      return Files.readAllLines(file).stream().mapToLong(String::length).sum();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // ---- thread "plugins"

  private void callPlugin(int round) throws Exception {
    URL[] jar = {directory.resolve("plugin.jar").toUri().toURL()};
    // No parent: the class comes from the jar, not from where this one came from.
    try (URLClassLoader loader = new URLClassLoader(jar, null)) {
      Class<?> plugin = loader.loadClass("OpenFiles$Plugin");
      Object instance = plugin.getDeclaredConstructor().newInstance();
      Path file = directory.resolve("documents/part0/doc" + round % 6 * 4 + ".txt");
      String line = (String) plugin.getMethod("load", Path.class).invoke(instance, file);
      opened += line.length();
    }
  }

  // ---- thread "journal"

  private void log(int round) throws IOException {
    try (FileWriter log = new FileWriter(directory.resolve("app.log").toFile(), round % 1000 != 0)) {
      log.write("round " + round + "\n");
    }
    opened += nested(round % 3);
  }

  private long nested(int depth) throws IOException {
    if (depth > 0) return nested(depth - 1);
    return Files.readAllBytes(directory.resolve("documents/part1/doc1.txt")).length;
  }

  private void start(String name, int pauseMillis, Work work) {
    Thread thread = new Thread(() -> {
      try {
        for (int round = 0; ; round++) {
          work.once(round);
          if (round == 0) started.countDown();
          Thread.sleep(pauseMillis);
        }
      } catch (Exception e) {
        e.printStackTrace();
        System.exit(1);
      }
    }, name);
    thread.setDaemon(true);
    thread.start();
  }

  public static void main(String[] args) throws Exception {
    OpenFiles demo = new OpenFiles(Paths.get(args[0]));
    demo.prepare();
    demo.start("config", 5, demo::readConfig);
    demo.start("plugins", 2, demo::callPlugin);
    demo.start("journal", 2, demo::log);
    demo.started.await();
    System.out.println("ready");
    // Whoever started it holds the other end; where that died, this ends too.
    while (System.in.read() >= 0) continue;
  }
}
