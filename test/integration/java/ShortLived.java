// SPDX-License-Identifier: Apache-2.0
// A program that is over before anybody can attach to it:
//
//   java truth.ShortLived MILLISECONDS
//
// Opens files for as long, from methods that get hot, and exits.
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
    long end = System.nanoTime() + Long.parseLong(args[0]) * 1_000_000;
    int opens = 0;
    while (System.nanoTime() < end) {
      depth(opens++ % 5);
    }
    System.out.println("opens " + opens);
  }
}
