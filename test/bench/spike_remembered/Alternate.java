// SPDX-License-Identifier: Apache-2.0
import java.io.FileInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;

/** As OpenLoop, but each open comes from another stack than the one before: args are the depths. */
public final class Alternate {
  private static volatile long ops;

  static int open() throws IOException {
    try (FileInputStream in = new FileInputStream("/etc/hostname")) {
      ops++;
      return 1;
    }
  }

  static int even(int depth) throws IOException {
    return depth <= 0 ? open() : odd(depth - 1) + 1;
  }

  static int odd(int depth) throws IOException {
    return depth <= 0 ? open() : even(depth - 1) + 1;
  }

  public static void main(String[] args) throws Exception {
    final int[] depths = new int[args.length];
    for (int i = 0; i < args.length; i++) {
      depths[i] = Integer.parseInt(args[i]);
    }
    Thread opener = new Thread(() -> {
      try {
        while (true) {
          for (int depth : depths) {
            even(depth);
          }
        }
      } catch (IOException e) {
        throw new RuntimeException(e);
      }
    }, "opener");
    opener.setDaemon(true);
    opener.start();
    var process =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    while (true) {
      Thread.sleep(100);
      System.out.println(ops + " " + System.nanoTime() + " " + process.getProcessCpuTime());
    }
  }
}
