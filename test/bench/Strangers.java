// SPDX-License-Identifier: Apache-2.0
import java.io.FileInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.concurrent.locks.LockSupport;

/**
 * Opens and closes a file at a given stack depth, each time by a call path that it has never taken: of
 * two methods in an order that a counter chooses, which counts to 2^24. In bursts, ten a second; prints
 * "ops wall-ns cpu-ns" ten times a second, the CPU time being that of the thread within its bursts.
 * On standard input "p" makes it pause, "g" go on, "k" take known paths only, KNOWN in turns, "n" new
 * ones again.
 *
 * <p>Words: DEPTH RATE KNOWN WHERE. RATE opens a second, behind the first half million, which get it
 * compiled. WHERE the paths differ: in the 24 calls next to the `leaf`, or next to the `root`; all
 * others are the same.
 */
public final class Strangers {
  private static final int BITS = 24;
  private static final int SCATTER = 0x9E3779B1; // odd, so that no two numbers become one
  private static final long SAME = 0x5555555555555555L; // left and right in turn
  private static final int WARM = 500_000;
  private static volatile boolean paused;
  private static volatile boolean known;
  private static volatile Done done = new Done(0, 0);
  private static int from; // where so many calls are left, the path of the number begins
  private static long number;

  private record Done(long ops, long cpu) {}

  static int open() throws IOException {
    try (FileInputStream in = new FileInputStream("/etc/hostname")) {
      return 1;
    }
  }

  static long rest(int depth, long path) {
    return depth == from ? number : path >>> 1 | (long) (depth & 1) << 63;
  }

  static int left(int depth, long path) throws IOException {
    if (depth <= 0) return open();
    long rest = rest(depth, path);
    return (path & 1) == 0 ? left(depth - 1, rest) + 1 : right(depth - 1, rest) + 2;
  }

  static int right(int depth, long path) throws IOException {
    if (depth <= 0) return open();
    long rest = rest(depth, path);
    return (path & 1) == 0 ? left(depth - 1, rest) + 3 : right(depth - 1, rest) + 4;
  }

  static void burst(int depth, int first, int count, int turn) throws IOException {
    for (int n = first; n < first + count; n++) {
      number = (turn > 0 ? n % turn : n) * SCATTER & ((1 << BITS) - 1);
      left(depth, from > depth ? number | SAME << BITS : SAME);
    }
  }

  static void loop(int depth, int rate, int turn) throws IOException {
    var threads = ManagementFactory.getThreadMXBean();
    long ops = 0;
    int next = turn; // those before are the known ones
    long due = System.nanoTime();
    while (true) {
      int count = next < WARM ? WARM / 10 : Math.max(1, rate / 10);
      boolean again = known;
      long cpu = threads.getCurrentThreadCpuTime();
      burst(depth, again ? 0 : next, count, again ? turn : 0);
      if (!again) next += count;
      ops += count;
      done = new Done(ops, done.cpu() + threads.getCurrentThreadCpuTime() - cpu);
      due = Math.max(due + 100_000_000, System.nanoTime());
      while (paused || (next >= WARM && System.nanoTime() < due)) LockSupport.parkNanos(1_000_000);
    }
  }

  static void obey(int word) {
    if (word == 'k' || word == 'n') known = word == 'k';
    else paused = word == 'p';
  }

  public static void main(String[] words) throws Exception {
    final int depth = Integer.parseInt(words[0]);
    final int rate = Integer.parseInt(words[1]);
    final int turn = Integer.parseInt(words[2]);
    from = words[3].equals("root") ? depth + 1 : BITS + 1;
    if (depth <= BITS) throw new IllegalArgumentException("DEPTH: more than " + BITS);
    Thread opener = new Thread(() -> {
      try {
        loop(depth, rate, turn);
      } catch (IOException e) {
        throw new RuntimeException(e);
      }
    }, "opener");
    opener.setDaemon(true);
    opener.start();
    while (true) {
      Thread.sleep(100);
      while (System.in.available() > 0) obey(System.in.read());
      Done now = done;
      System.out.println(now.ops() + " " + System.nanoTime() + " " + now.cpu());
    }
  }
}
