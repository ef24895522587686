// SPDX-License-Identifier: Apache-2.0
// java truth.Leaks FILE: prints "ready", waits for a byte; opens FILE 40 times and closes it, and
// 9 times without, in a thread of a known name; then ends.
package truth;

import java.io.FileInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

public final class Leaks {
  // Reachable: a collector would close what is not.
  static final List<FileInputStream> OPEN = new ArrayList<>();

  static void closes(String file) throws IOException {
    try (FileInputStream in = new FileInputStream(file)) {
      in.read();
    }
  }

  static void forgets(String file) throws IOException {
    OPEN.add(new FileInputStream(file));
  }

  static void work(String file) {
    try {
      for (int i = 0; i < 40; i++) closes(file);
      for (int i = 0; i < 9; i++) forgets(file);
      Thread.sleep(300); // a thread's name is read while it lives
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  public static void main(String[] args) throws Exception {
    System.out.print("ready\n");
    System.out.flush();
    if (System.in.read() < 0) return;
    Thread thread = new Thread(() -> work(args[0]), "leaking");
    thread.start();
    thread.join();
    System.out.print("done\n");
  }
}
