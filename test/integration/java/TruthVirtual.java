// SPDX-License-Identifier: Apache-2.0
package truth;

import java.io.FileInputStream;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Opens files in virtual threads, as often as it is told, along paths that wait before they open:
 * {@code TruthVirtual COUNT WARM}. Says of each path how its stack looks from the open down to the
 * carrier thread. Uses JDK 21 by reflection, so that one class file serves.
 */
public final class TruthVirtual {
  static final String OPENED = "/dev/null";
  static final String MISSING = "/no/such/file";
  // What is below a virtual thread's own frames: its continuation, and the thread that carries it.
  static final String CARRIER = ";*;jdk/internal/vm/Continuation.enter"
      + ";jdk/internal/vm/Continuation.enterSpecial;jdk/internal/vm/Continuation.run;*"
      + ";java/util/concurrent/ForkJoinWorkerThread.run;call_stub;*";
  static final int DEEP = 200;

  static final Map<String, AtomicInteger> COUNTS = new TreeMap<>();
  static final Map<String, String> CHAINS = new TreeMap<>();

  abstract static class Path implements Runnable {
    final String marker;
    String file = OPENED;

    Path(String method) {
      marker = "truth/TruthVirtual$" + method;
    }

    // The open whose stack is told apart by `marker`, a frame on it.
    final void open() {
      try {
        new FileInputStream(file).close();
        synchronized (COUNTS) {
          COUNTS.computeIfAbsent(marker, m -> new AtomicInteger()).incrementAndGet();
        }
      } catch (IOException e) {
        synchronized (CHAINS) {
          CHAINS.put(marker, chain(e) + CARRIER);
        }
      }
    }

    static void sleep() {
      try {
        Thread.sleep(1);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  static String chain(Throwable failure) {
    List<String> frames = new ArrayList<>();
    frames.add("*");
    for (StackTraceElement e : failure.getStackTrace()) {
      String frame = e.getClassName().replace('.', '/') + "." + e.getMethodName();
      // What of these a trace shows differs.
      if (frame.matches("(java/lang/(reflect|invoke)|jdk/internal/(reflect|vm))/.*")) {
        if (!frames.get(frames.size() - 1).equals("*")) frames.add("*");
      } else {
        if (frame.equals("java/lang/VirtualThread.run")) frames.add("*");
        frames.add(frame);
      }
    }
    return String.join(";", frames);
  }

  static final class NeverParked extends Path {
    NeverParked() { super("NeverParked.run"); }

    @Override public void run() { open(); }
  }

  static final class ParkedSmall extends Path {
    ParkedSmall() { super("ParkedSmall.run"); }

    @Override public void run() {
      sleep();
      open();
    }
  }

  // Parks deep down: the frames come back from the heap one by one, and most never did when it opens.
  static class ParkedDeep extends Path {
    ParkedDeep() { this("ParkedDeep.run"); }

    ParkedDeep(String marker) { super(marker); }

    @Override public void run() { down(DEEP, 0, 1L, 2.0, 3, 4, 5, 6, 7, 8); }

    // Arguments on the stack, too.
    long down(int left, int a, long b, double c, int d, int e, int f, int g, int h, int i) {
      if (left == 0) {
        sleep();
        open();
        return a + b + i;
      }
      return down(left - 1, i, b + 1, c * 2, e, f, g, h, a, d) + i + h + left;
    }
  }

  // Opens on the way back, in a frame that has just come from the heap.
  static final class Returning extends Path {
    Returning() { super("Returning.run"); }

    @Override public void run() { down(DEEP); }

    int down(int left) {
      if (left == 0) {
        sleep();
        return 1;
      }
      int below = down(left - 1);
      if (left == DEEP / 2) open();
      return below + 1;
    }
  }

  static final class Synchronized extends Path {
    Synchronized() { super("Synchronized.run"); }

    @Override public void run() {
      synchronized (this) {
        sleep();
        open();
      }
    }
  }

  // A continuation of its own, which yields deep down, inside a virtual thread that waited, too.
  static final class Nested extends Path {
    Nested() { super("Nested.run"); }

    @Override public void run() {
      sleep();
      try {
        Object inner = CONTINUATION.newInstance(SCOPE, (Runnable) new Inner(this));
        RUN.invoke(inner);
        RUN.invoke(inner);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  static final class Inner implements Runnable {
    final Path path;

    Inner(Path path) {
      this.path = path;
    }

    @Override public void run() { down(DEEP); }

    int down(int left) {
      if (left > 0) return down(left - 1) + 1;
      try {
        YIELD.invoke(null, SCOPE);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
      path.open();
      return 1;
    }
  }

  static final Constructor<?> CONTINUATION;
  static final Object SCOPE;
  static final Method RUN;
  static final Method YIELD;
  static final Method START;

  static {
    try {
      Class<?> continuation = Class.forName("jdk.internal.vm.Continuation");
      Class<?> scope = Class.forName("jdk.internal.vm.ContinuationScope");
      SCOPE = scope.getConstructor(String.class).newInstance("truth");
      CONTINUATION = continuation.getConstructor(scope, Runnable.class);
      RUN = continuation.getMethod("run");
      YIELD = continuation.getMethod("yield", scope);
      START = Thread.class.getMethod("startVirtualThread", Runnable.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  static Path make(int i) {
    switch (i) {
      case 0: return new NeverParked();
      case 1: return new ParkedSmall();
      case 2: return new ParkedDeep();
      case 3: return new Returning();
      case 4: return new Synchronized();
      default: return new Nested();
    }
  }

  static final int PATHS = 6;
  static final int AT_ONCE = 20;

  static void work(String file, int times) throws ReflectiveOperationException, InterruptedException {
    for (int done = 0; done < times; done += AT_ONCE) {
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < Math.min(AT_ONCE, times - done); t++) {
        for (int i = 0; i < PATHS; i++) {
          Path path = make(i);
          path.file = file;
          threads.add((Thread) START.invoke(null, path));
        }
      }
      for (Thread thread : threads) thread.join();
    }
  }

  public static void main(String[] args) throws Exception {
    int count = Integer.parseInt(args[0]);
    work(OPENED, Integer.parseInt(args[1]));
    work(MISSING, 1);
    COUNTS.clear();
    System.out.print("ready\n");
    System.out.flush();
    if (System.in.read() < 0) return;
    work(OPENED, count);
    StringBuilder out = new StringBuilder();
    CHAINS.forEach((marker, chain) ->
        out.append("PATH ").append(marker).append(' ').append(COUNTS.get(marker)).append(' ')
            .append(chain).append('\n'));
    System.out.print(out);
    System.out.flush();
    // On a busy machine the tracer may be behind: what was compiled last has its name read yet.
    Thread.sleep(300);
  }
}
