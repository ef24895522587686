// SPDX-License-Identifier: Apache-2.0
import java.io.FileInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;

/**
 * Opens and closes a file as fast as it can at a given stack depth, with so many steps of arithmetic between two opens;
 * prints "ops wall-ns cpu-ns" ten times a second.
 */
public final class OpenLoop {
  private static volatile long ops;
  private static volatile long result;

  static int open() throws IOException {
    try (FileInputStream in = new FileInputStream("/etc/hostname")) {
      ops++;
      return 1;
    }
  }

  // Two methods that call each other: recursion of one method is inlined into itself only once.
  static int even(int depth) throws IOException {
    return depth <= 0 ? open() : odd(depth - 1) + 1;
  }

  static int odd(int depth) throws IOException {
    return depth <= 0 ? open() : even(depth - 1) + 1;
  }

  static void work(int steps) {
    long x = ops;
    for (int i = 0; i < steps; i++) {
      x = x * 6364136223846793005L + 1442695040888963407L;
    }
    result = x;
  }

  public static void main(String[] args) throws Exception {
    final int depth = Integer.parseInt(args[0]);
    final int threads = args.length > 1 ? Integer.parseInt(args[1]) : 1;
    final int steps = args.length > 2 ? Integer.parseInt(args[2]) : 0;
    for (int i = 0; i < threads; i++) {
      Thread opener = new Thread(() -> {
        try {
          while (true) {
            even(depth);
            work(steps);
          }
        } catch (IOException e) {
          throw new RuntimeException(e);
        }
      }, "opener");
      opener.setDaemon(true);
      opener.start();
    }
    var process =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    while (true) {
      Thread.sleep(100);
      System.out.println(ops + " " + System.nanoTime() + " " + process.getProcessCpuTime());
    }
  }
}
