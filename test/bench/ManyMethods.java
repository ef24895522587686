// SPDX-License-Identifier: Apache-2.0
import java.io.FileInputStream;
import java.util.concurrent.locks.LockSupport;

/**
 * Calls every method of the classes named M0, M1, ... until they are compiled; then opens a file
 * each 100 us from "open" to "stop" on standard input, and prints the time of each open.
 */
public final class ManyMethods {
  static volatile int sink;

  static void openOne() throws Exception {
    try (FileInputStream in = new FileInputStream("/etc/hostname")) {
      sink++;
    }
  }

  public static void main(String[] args) throws Exception {
    final int classes = Integer.parseInt(args[0]);
    final int calls = Integer.parseInt(args[1]);
    for (int i = 0; i < classes; i++) {
      var all = Class.forName("M" + i).getMethod("all", int.class);
      for (int n = 0; n < calls; n++) sink += (Integer) all.invoke(null, n);
    }
    System.out.println("called");
    while (true) {
      int c = System.in.read();
      if (c < 0) return;
      if (c == 'o') open();
    }
  }

  private static void open() throws Exception {
    final long[] times = new long[1 << 20];
    int n = 0;
    while (System.in.available() == 0 && n < times.length) {
      times[n++] = System.nanoTime();
      openOne();
      LockSupport.parkNanos(100_000);
    }
    System.in.read();
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < n; i++) text.append(times[i]).append(' ');
    System.out.println(text);
  }
}
