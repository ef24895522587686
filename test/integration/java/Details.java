// SPDX-License-Identifier: Apache-2.0
// Knows its own lines and the names of its threads.
//
//   java truth.Details WARM COUNT
//
// Opens /dev/null WARM times, prints "ready", waits for one byte on standard input, opens it COUNT
// times more from the same stack, and prints the callers of open() as Java sees them, innermost first:
// "at CLASS.METHOD:LINE". Then a few threads open it 20 COUNT times each, one after the other.
package truth;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.locks.LockSupport;

public final class Details {
  static final String[] NAMES = {
    "a thread whose name has forty characters", "na\u00efve", "\u03c0\u03bb\u03b1\u03c4\u03c6\u03cc\u03c1\u03bc\u03b1 \ud83d\ude80",
  };

  private Details() {}

  static StackTraceElement[] open(boolean tell) {
    try (FileInputStream in = new FileInputStream("/dev/null")) {
      return tell && in.available() == 0 ? new Throwable().getStackTrace() : null;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static StackTraceElement[] leaf(boolean tell) {
    StackTraceElement[] result =
        open(
            tell);
    return result;
  }

  static StackTraceElement[] middle(boolean tell, int way) {
    switch (way) {
      case 0:
        return null;
      case 1:
        return leaf(tell);
      default:
        return null;
    }
  }

  static StackTraceElement[] recurse(boolean tell, int depth) {
    if (depth == 0) {
      return middle(tell, 1);
    }
    int below = depth - 1;
    return recurse(tell, below);
  }

  interface Step {
    StackTraceElement[] run(boolean tell);
  }

  static StackTraceElement[] path(boolean tell) {
    Step step =
        told -> {
          int depth = 3;
          return recurse(told, depth);
        };
    return step.run(tell);
  }

  static void openAll(int count) {
    for (int i = 0; i < count; i++) open(false);
    // A thread's name is read while it lives, and the machine may be busy.
    LockSupport.parkNanos(300_000_000L);
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    int warm = Integer.parseInt(args[0]);
    int last = warm + Integer.parseInt(args[1]) - 1;
    StackTraceElement[] truth = null;
    for (int i = 0; i <= last; i++) {
      if (i == warm) {
        System.out.println("ready");
        System.out.flush();
        if (System.in.read() < 0) return;
      }
      truth = path(i == last);
    }
    for (int i = 1; i < truth.length; i++) {
      String type = truth[i].getClassName().replace('.', '/');
      System.out.println("at " + type + "." + truth[i].getMethodName() + ":" + truth[i].getLineNumber());
    }
    for (String name : NAMES) {
      int count = 20 * (last + 1 - warm);
      Thread thread = new Thread(() -> openAll(count), name);
      thread.start();
      thread.join();
    }
  }
}
