// SPDX-License-Identifier: Apache-2.0
import java.io.FileInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;

/**
 * Opens and closes a file as fast as it can, at a given stack depth, each time by the next of so many
 * call paths of equal length. Prints "ops wall-ns cpu-ns" ten times a second; "p" on standard input
 * makes it pause, "g" go on.
 *
 * <p>Words: DEPTH THREADS STACKS TURN CLASSES CALLS TOP. With a TURN above 0 one thread at a time opens,
 * so often; else all do. Of the classes M0, M1, ... so many are called so often first. With a TOP above
 * 0 the paths differ in so many last calls alone, those next to the leaf.
 */
public final class PathLoop {
  private static final int BITS = 14;
  private static final int FIRST = 0x1555; // left and right in turn
  private static final long MASK = 0xffffffffL; // of a path without that of its top
  private static final int APART = 16; // no two threads count in one cache line
  private static volatile boolean paused;
  private static volatile int sink;
  private static volatile int whose;
  private static int top = -1;
  private static Thread[] openers;
  private static AtomicLongArray ops;

  static int open() throws IOException {
    try (FileInputStream in = new FileInputStream("/etc/hostname")) {
      return 1;
    }
  }

  /** What is left of a path; where `top` calls are left, the path of these begins. */
  static long rest(int depth, long path) {
    return depth == top ? path >>> Integer.SIZE : Integer.rotateRight((int) path, 1) & MASK | path & ~MASK;
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

  /** Bits over and over: paths differ at the leaf and at the root; with a top, in that alone. */
  static long path(int number) {
    int bits = (FIRST + number) & ((1 << BITS) - 1);
    if (top > 0) return FIRST | FIRST << BITS | (long) bits << Integer.SIZE;
    return (bits | bits << BITS | bits << 2 * BITS) & MASK;
  }

  static void loop(int id, int depth, int stacks, int turn) throws IOException {
    long done = 0;
    int next = 0;
    while (true) {
      while (paused || (turn > 0 && whose != id)) {
        if (paused) LockSupport.parkNanos(1_000_000);
        else LockSupport.park();
      }
      left(depth, path(next));
      if (++next >= stacks) next = 0;
      ops.setOpaque(id * APART, ++done);
      if (turn > 0 && done % turn == 0) {
        whose = (id + 1) % openers.length;
        LockSupport.unpark(openers[whose]);
      }
    }
  }

  static void callClasses(int classes, int calls) throws ReflectiveOperationException {
    for (int i = 0; i < classes; i++) {
      var all = Class.forName("M" + i).getMethod("all", int.class);
      for (int n = 0; n < calls; n++) sink += (Integer) all.invoke(null, n);
    }
  }

  static long total() {
    long sum = 0;
    for (int i = 0; i < ops.length(); i += APART) sum += ops.getOpaque(i);
    return sum;
  }

  public static void main(String[] words) throws Exception {
    final int[] numbers = new int[7];
    for (int i = 0; i < words.length; i++) numbers[i] = Integer.parseInt(words[i]);
    final int depth = numbers[0];
    final int threads = numbers[1];
    final int stacks = Math.max(1, numbers[2]);
    final int turn = numbers[3];
    if (numbers[6] > 0) top = numbers[6];
    callClasses(numbers[4], numbers[5]);
    openers = new Thread[threads];
    ops = new AtomicLongArray(Math.max(1, threads * APART));
    for (int i = 0; i < threads; i++) {
      final int id = i;
      openers[i] = new Thread(() -> {
        try {
          loop(id, depth, stacks, turn);
        } catch (IOException e) {
          throw new RuntimeException(e);
        }
      }, "opener");
      openers[i].setDaemon(true);
    }
    for (Thread opener : openers) opener.start();
    var process =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    while (true) {
      Thread.sleep(100);
      while (System.in.available() > 0) paused = System.in.read() == 'p';
      System.out.println(total() + " " + System.nanoTime() + " " + process.getProcessCpuTime());
    }
  }
}
