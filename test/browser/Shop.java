// SPDX-License-Identifier: Apache-2.0
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens files along several call paths until it is stopped; what the page of a real trace shows. */
public final class Shop {
  static int stream(String path) throws IOException {
    try (FileInputStream in = new FileInputStream(path)) {
      return in.read();
    }
  }

  static int list(int items) throws IOException {
    int sum = 0;
    for (int i = 0; i < items; i++) {
      sum += i % 2 == 0 ? stream("/etc/passwd") : Files.readString(Path.of("/etc/hostname")).length();
    }
    return sum;
  }

  static int walk(int depth) throws IOException {
    return depth == 0 ? stream("/etc/hosts") : walk(depth - 1) + (depth % 3 == 0 ? walk(depth - 2) : 0);
  }

  public static void main(String[] args) throws Exception {
    System.out.println("ready");
    while (true) {
      list(6);
      walk(9);
      Thread.sleep(1);
    }
  }
}
