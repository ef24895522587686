// SPDX-License-Identifier: Apache-2.0
// A program that is over before its code could be looked at twice:
//
//   java truth.ShortLived MILLISECONDS [now | ready [LINGER]]
//
// Prints "ready", waits for one byte on standard input (with "now" neither), opens files for as long, from methods that
// get hot, lives LINGER milliseconds more, and exits.
package truth;

import java.io.FileInputStream;
import java.io.IOException;

public final class ShortLived {
  static int depth(int n) throws IOException {
    if (n > 0) return depth(n - 1) + 1;
    try (FileInputStream in = new FileInputStream("/dev/null")) {
      return in.available();
    }
  }

  public static void main(String[] args) throws Exception {
    if (args.length == 1 || !args[1].equals("now")) {
      System.out.print("ready\n");
      System.out.flush();
      if (System.in.read() < 0) return;
    }
    long end = System.nanoTime() + Long.parseLong(args[0]) * 1_000_000;
    int opens = 0;
    while (System.nanoTime() < end) {
      depth(opens++ % 5);
    }
    if (args.length > 2) Thread.sleep(Long.parseLong(args[2]));
    System.out.println("opens " + opens);
  }
}
