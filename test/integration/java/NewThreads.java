// SPDX-License-Identifier: Apache-2.0
// Threads that come while they are traced, one after the other:
//
//   java truth.NewThreads THREADS OPENS library=LIBRARY
//
// Prints "ready", waits for one byte on standard input, starts THREADS threads, each of which has a
// native method open a file OPENS times, and exits.
package truth;

import java.io.IOException;

public final class NewThreads {
  static void opens(int count) {
    try {
      for (int i = 0; i < count; i++) TruthOpens.pathDirect(TruthOpens.OPENED);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  public static void main(String[] args) throws Exception {
    int threads = Integer.parseInt(args[0]);
    int opens = Integer.parseInt(args[1]);
    TruthOpens.load(args[2].substring("library=".length()));
    opens(1);
    System.out.print("ready\n");
    System.out.flush();
    if (System.in.read() < 0) return;
    for (int i = 0; i < threads; i++) {
      Thread thread = new Thread(() -> opens(opens));
      thread.start();
      thread.join();
    }
  }
}
