// SPDX-License-Identifier: Apache-2.0
// Work for the JVM's own threads: garbage to collect, code to compile, locks to deflate.
//
//   java truth.TruthGarbage COLLECTIONS
package truth;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

final class TruthGarbage {
  static volatile Object sink;

  static long collections() {
    long sum = 0;
    for (GarbageCollectorMXBean bean : ManagementFactory.getGarbageCollectorMXBeans()) {
      sum += Math.max(bean.getCollectionCount(), 0);
    }
    return sum;
  }

  static void churn(long wanted) {
    Deque<byte[]> live = new ArrayDeque<>();
    int turn = 0;
    for (long until = collections() + wanted; collections() < until; turn++) {
      for (int i = 0; i < 200; i++) {
        live.add(new byte[1000 + (i & 7) * 500]);
        if (live.size() > 10000) live.removeFirst();
        sink = new Object[i & 63];
      }
      if (turn % 500 == 499) System.gc();  // full ones, too
    }
  }

  public static void main(String[] args) throws Exception {
    long wanted = Long.parseLong(args[0]);
    if (!Truth.go()) return;
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 2; i++) threads.add(new Thread(() -> churn(wanted)));
    for (Thread thread : threads) thread.start();
    for (Thread thread : threads) thread.join();
  }

  private TruthGarbage() {}
}
