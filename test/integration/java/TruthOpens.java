// SPDX-License-Identifier: Apache-2.0
// Ground truth for the tracer: a known number of opens along known stacks.
//
//   java truth.TruthOpens COUNT WARM [upcall=LIBRARY] [only=NAME,NAME]
//
// Prints "ready", waits for one byte on standard input, performs COUNT opens along each path, prints
// one line per distinct stack and exits:
//
//   PATH <marker frame> <opens> <Java frames, leaf first, ';' between>
//
// The marker is the path's own method: a stack that has it belongs to the path. The frames are what
// the JVM itself says at the same place (the stack trace of an open that fails), so nothing here
// repeats the call chains by hand. Frames may be globs where the JVM hides the exact name.
// Opens before "ready" warm the paths up for the compilers and are not counted.
package truth;

import java.io.FileInputStream;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;

public final class TruthOpens {
  static final String OPENED = "/dev/null";
  static final String MISSING = "/nonexistent/truth";
  static final Path OPENED_PATH = Paths.get(OPENED);
  static final Path MISSING_PATH = Paths.get(MISSING);
  static final int THREADS = 4;
  static final int VARIANTS = 4;  // receivers that a megamorphic call site sees

  // How a path is warmed up: Cold ones meet the compilers only while they are counted.
  enum Warmth { HOT, COLD }

  enum Route {
    PLAIN("pathPlain"),
    INLINED("pathInlined"),
    LAMBDA("pathLambda"),
    STREAM("pathStream"),
    VIRTUAL_MONO("pathVirtualMono"),
    VIRTUAL_MEGA("pathVirtualMega"),
    INTERFACE_MONO("pathInterfaceMono"),
    INTERFACE_MEGA("pathInterfaceMega"),
    REFLECTION("pathReflection"),
    HANDLE("pathHandle"),
    NIO_STREAM("pathNioStream"),
    NIO_CHANNEL("pathNioChannel"),
    MONITOR("pathMonitor"),
    DEPTH_5("pathDepth5"),
    DEPTH_30("pathDepth30"),
    DEPTH_100("pathDepth100"),
    DEPTH_400("pathDepth400"),
    COLD("pathCold"),
    LOOP("pathLoop"),
    UPCALL("pathUpcall"),
    DIRECT("pathDirect"),
    SHARED("pathShared");

    final String method;

    Route(String method) {
      this.method = method;
    }

    Warmth warmth() {
      return this == COLD || this == LOOP ? Warmth.COLD : Warmth.HOT;
    }

    int variants() {
      return this == LOOP ? 1 : VARIANTS;
    }
  }

  // ------------------------------------------------------------------ the paths

  static void open(String file) throws IOException {
    new FileInputStream(file).close();
  }

  static void pathPlain(String file) throws IOException {
    plain1(file, 1);
  }

  static void plain1(String file, int x) throws IOException {
    plain2(file, x + 1, x * 3L);
  }

  static void plain2(String file, int x, long y) throws IOException {
    double z = y / 3.0;
    plain3(file, z + x);
  }

  static void plain3(String file, double z) throws IOException {
    if (z < 0) throw new IllegalStateException();
    open(file);
  }

  // Small, static or final: C2 inlines all of it into pathInlined.
  static void pathInlined(String file) throws IOException {
    Inlined.ONE.a(file);
  }

  static final class Inlined {
    static final Inlined ONE = new Inlined();

    void a(String f) throws IOException { b(f); }

    static void b(String f) throws IOException { ONE.c(f); }

    void c(String f) throws IOException { d(f); }

    static void d(String f) throws IOException { ONE.e(f); }

    void e(String f) throws IOException { g(f); }

    static void g(String f) throws IOException { ONE.h(f); }

    void h(String f) throws IOException { i(f); }

    static void i(String f) throws IOException { open(f); }
  }

  interface Opener {
    void apply(String file) throws IOException;
  }

  static void pathLambda(String file) throws IOException {
    Opener inner = f -> open(f);
    Opener outer = f -> inner.apply(f);
    outer.apply(file);
  }

  static void pathStream(String file) {
    Collections.singletonList(file).stream().map(f -> f).forEach(f -> {
      try {
        open(f);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    });
  }

  abstract static class Base implements Opener {}

  static final class A extends Base {
    public void apply(String file) throws IOException { open(file); }
  }

  static final class B extends Base {
    public void apply(String file) throws IOException { open(file); }
  }

  static final class C extends Base {
    public void apply(String file) throws IOException { open(file); }
  }

  static final class D extends Base {
    public void apply(String file) throws IOException { open(file); }
  }

  static final Base[] RECEIVERS = {new A(), new B(), new C(), new D()};

  static void pathVirtualMono(String file) throws IOException {
    Base receiver = RECEIVERS[0];
    receiver.apply(file);
  }

  static void pathVirtualMega(String file, int variant) throws IOException {
    RECEIVERS[variant].apply(file);
  }

  static void pathInterfaceMono(String file) throws IOException {
    Opener receiver = RECEIVERS[1];
    receiver.apply(file);
  }

  static void pathInterfaceMega(String file, int variant) throws IOException {
    Opener receiver = RECEIVERS[variant];
    receiver.apply(file);
  }

  static void pathReflection(String file) throws ReflectiveOperationException {
    METHOD.invoke(null, file);
  }

  static void pathHandle(String file) throws Throwable {
    HANDLE.invokeExact(file);
  }

  // Called by Method.invoke and the method handle only, so that their frames are unmistakable.
  static void reflected(String file) throws IOException {
    open(file);
  }

  static final Method METHOD;
  static final MethodHandle HANDLE;

  static {
    try {
      METHOD = TruthOpens.class.getDeclaredMethod("reflected", String.class);
      HANDLE = MethodHandles.lookup().findStatic(
          TruthOpens.class, "reflected", MethodType.methodType(void.class, String.class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  static void pathNioStream(Path file) throws IOException {
    Files.newInputStream(file).close();
  }

  static void pathNioChannel(Path file) throws IOException {
    FileChannel.open(file, StandardOpenOption.READ).close();
  }

  static synchronized void pathMonitor(String file) throws IOException {
    synchronized (MONITOR) {
      open(file);
    }
  }

  static final Object MONITOR = new Object();

  static void pathDepth5(String file, int variant) throws IOException {
    ring0(RINGS[variant & 1], 4, file);
  }

  static void pathDepth30(String file, int variant) throws IOException {
    ring0(RINGS[variant & 1], 29, file);
  }

  static void pathDepth100(String file, int variant) throws IOException {
    ring0(RINGS[variant & 1], 99, file);
  }

  static void pathDepth400(String file, int variant) throws IOException {
    ring0(RINGS[variant & 1], 399, file);
  }

  // Static and virtual methods in turn, five to a round: a frame lost or swapped shows.
  static void ring0(Ring ring, int left, String file) throws IOException {
    if (left == 0) open(file);
    else ring.ring1(left - 1, file);
  }

  static void ring2(Ring ring, int left, String file) throws IOException {
    if (left == 0) open(file);
    else ring.ring3(left - 1, file);
  }

  static void ring4(Ring ring, int left, String file) throws IOException {
    if (left == 0) open(file);
    else ring0(ring, left - 1, file);
  }

  abstract static class Ring {
    abstract void ring1(int left, String file) throws IOException;

    abstract void ring3(int left, String file) throws IOException;
  }

  static final class EvenRing extends Ring {
    void ring1(int left, String file) throws IOException {
      if (left == 0) open(file);
      else ring2(this, left - 1, file);
    }

    void ring3(int left, String file) throws IOException {
      if (left == 0) open(file);
      else ring4(this, left - 1, file);
    }
  }

  static final class OddRing extends Ring {
    long calls;

    void ring1(int left, String file) throws IOException {
      calls++;
      if (left == 0) open(file);
      else ring2(this, left - 1, file);
      calls--;
    }

    void ring3(int left, String file) throws IOException {
      if (left == 0) open(file);
      else ring4(this, left - 1, file);
    }
  }

  static final Ring[] RINGS = {new EvenRing(), new OddRing()};

  static void pathCold(String file) throws IOException {
    cold1(file);
  }

  static void cold1(String file) throws IOException {
    cold2(file);
  }

  static void cold2(String file) throws IOException {
    new FileInputStream(file).close();
  }

  // One call that is compiled while it runs (on-stack replacement).
  static void pathLoop(String file, int count) throws IOException {
    for (int i = 0; i < count; i++) new FileInputStream(file).close();
  }

  static void pathUpcall(String file) throws IOException {
    upcall(file);
  }

  // C calls upcalled(file): Java, C and Java again on one stack.
  static native void upcall(String file) throws IOException;

  static void upcalled(String file) throws IOException {
    open(file);
  }

  static void pathDirect(String file) throws IOException {
    direct(file);
  }

  // C opens the file, without Java above it.
  static native void direct(String file) throws IOException;

  static void pathShared(String file) throws IOException {
    open(file);
  }

  static void pathMain(String file) throws IOException {
    open(file);
  }

  static void once(Route route, boolean existing, int variant) throws Throwable {
    String file = existing ? OPENED : MISSING;
    switch (route) {
      case PLAIN: pathPlain(file); break;
      case INLINED: pathInlined(file); break;
      case LAMBDA: pathLambda(file); break;
      case STREAM: pathStream(file); break;
      case VIRTUAL_MONO: pathVirtualMono(file); break;
      case VIRTUAL_MEGA: pathVirtualMega(file, variant); break;
      case INTERFACE_MONO: pathInterfaceMono(file); break;
      case INTERFACE_MEGA: pathInterfaceMega(file, variant); break;
      case REFLECTION: pathReflection(file); break;
      case HANDLE: pathHandle(file); break;
      case NIO_STREAM: pathNioStream(existing ? OPENED_PATH : MISSING_PATH); break;
      case NIO_CHANNEL: pathNioChannel(existing ? OPENED_PATH : MISSING_PATH); break;
      case MONITOR: pathMonitor(file); break;
      case DEPTH_5: pathDepth5(file, variant); break;
      case DEPTH_30: pathDepth30(file, variant); break;
      case DEPTH_100: pathDepth100(file, variant); break;
      case DEPTH_400: pathDepth400(file, variant); break;
      case COLD: pathCold(file); break;
      case UPCALL: pathUpcall(file); break;
      case DIRECT: pathDirect(file); break;
      case SHARED: pathShared(file); break;
      default: throw new AssertionError(route);
    }
  }

  static void drive(Route route, boolean existing, int from, int count) throws Throwable {
    if (route == Route.LOOP) {
      pathLoop(existing ? OPENED : MISSING, count);
      return;
    }
    for (int i = from; i < from + count; i++) once(route, existing, i % VARIANTS);
  }

  // ------------------------------------------------------------------ the truth about them

  /** Opens by stack, for one path. */
  static final class Truth {
    final String marker;
    final Map<String, Integer> opens = new LinkedHashMap<>();

    Truth(String method) {
      marker = "truth/TruthOpens." + method;
    }

    void add(Throwable failure, int count) {
      opens.merge(String.join(";", frames(failure)), count, Integer::sum);
    }

    void print(StringBuilder out) {
      opens.forEach((frames, count) ->
          out.append("PATH ").append(marker).append(' ').append(count).append(' ')
              .append(frames).append('\n'));
    }
  }

  static List<String> frames(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) cause = cause.getCause();
    List<String> frames = new ArrayList<>();
    for (StackTraceElement e : cause.getStackTrace()) {
      String frame = e.getClassName().replace('.', '/') + "." + e.getMethodName();
      // NIO makes its exception on the way back, when these five have returned.
      if (frame.startsWith("sun/nio/fs/UnixException.")) {
        frames.clear();
        frames.add("sun/nio/fs/UnixNativeDispatcher.open0");
        frames.add("sun/nio/fs/UnixNativeDispatcher.open");
        frames.add("sun/nio/fs/UnixChannelFactory.open");
        frames.add("sun/nio/fs/UnixChannelFactory.newFileChannel");  // with a directory handle
        frames.add("sun/nio/fs/UnixChannelFactory.newFileChannel");
        continue;
      }
      addLambdaProxy(frames, frame);
      frames.add(frame);
    }
    return frames;
  }

  // The JVM leaves the hidden class of a lambda out of stack traces (JDK 15 on); it is on the stack.
  static void addLambdaProxy(List<String> frames, String frame) {
    if (frames.isEmpty() || frame.contains("$$Lambda")) return;
    String callee = frames.get(frames.size() - 1);
    if (!callee.startsWith("truth/TruthOpens.lambda$")) return;
    boolean accept = callee.startsWith("truth/TruthOpens.lambda$pathStream");
    frames.add("truth/TruthOpens$$Lambda*." + (accept ? "accept" : "apply"));
  }

  // ------------------------------------------------------------------ threads

  static final class Worker implements Runnable {
    final List<Route> routes;
    final List<Truth> truths = new ArrayList<>();
    final boolean speaks;  // prints the truth of the path that all threads share
    final int count;
    final int warm;
    final CyclicBarrier ready;
    final CountDownLatch go;
    volatile Throwable failure;

    Worker(List<Route> routes, boolean speaks, int count, int warm, CyclicBarrier ready,
        CountDownLatch go) {
      this.routes = routes;
      this.speaks = speaks;
      this.count = count;
      this.warm = warm;
      this.ready = ready;
      this.go = go;
    }

    @Override
    public void run() {
      try {
        for (Route route : routes) {
          // Method.invoke makes its accessor after 15 calls; asked before the warm-up, so that what
          // an exception deoptimises is compiled again by the time it counts.
          if (route.warmth() == Warmth.HOT) work(route, true, 0, 20);
          Truth truth = new Truth(route.method);
          for (int v = 0; v < route.variants(); v++) {
            truth.add(work(route, false, v, 1), share(route, v));
          }
          if (route != Route.SHARED || speaks) truths.add(truth);
          if (route.warmth() == Warmth.HOT) work(route, true, 0, warm);
        }
        ready.await();
        go.await();
        for (Route route : routes) work(route, true, 0, count);
      } catch (Throwable t) {
        failure = t;
        ready.reset();
      }
    }

    // Warming up, asking and counting all come through here: the same frames below every path.
    Throwable work(Route route, boolean existing, int from, int times) throws Throwable {
      try {
        drive(route, existing, from, times);
        return null;
      } catch (Throwable t) {
        if (existing) throw t;
        return t;
      }
    }

    // Of the counted opens along `route`, those with the stack of `variant`.
    int share(Route route, int variant) {
      int share = count / route.variants() + (variant < count % route.variants() ? 1 : 0);
      return route == Route.SHARED ? share * THREADS : share;
    }
  }

  static List<Worker> workers(List<Route> routes, int count, int warm, CyclicBarrier ready,
      CountDownLatch go) {
    List<Worker> workers = new ArrayList<>();
    for (int t = 0; t < THREADS; t++) {
      List<Route> mine = new ArrayList<>();
      for (int i = 0; i < routes.size(); i++) {
        if (routes.get(i) == Route.SHARED || i % THREADS == t) mine.add(routes.get(i));
      }
      workers.add(new Worker(mine, t == 0, count, warm, ready, go));
    }
    return workers;
  }

  static void loopMain(boolean existing, int count) throws IOException {
    for (int i = 0; i < count; i++) pathMain(existing ? OPENED : MISSING);
  }

  // Native methods are looked for in the libraries of the class that loads them.
  static void load(String library) {
    System.load(library);
  }

  static List<Route> chosen(String[] args) {
    String only = null;
    boolean upcall = false;
    for (String arg : args) {
      if (arg.startsWith("only=")) only = "," + arg.substring(5) + ",";
      if (arg.startsWith("upcall=")) {
        load(arg.substring(7));
        upcall = true;
      }
    }
    List<Route> routes = new ArrayList<>();
    for (Route route : Route.values()) {
      if ((route == Route.UPCALL || route == Route.DIRECT) && !upcall) continue;
      if (only == null || only.contains("," + route.method + ",")) routes.add(route);
    }
    return routes;
  }

  public static void main(String[] args) throws Exception {
    int count = Integer.parseInt(args[0]);
    int warm = Integer.parseInt(args[1]);
    CyclicBarrier ready = new CyclicBarrier(THREADS + 1);
    CountDownLatch go = new CountDownLatch(1);
    List<Worker> workers = workers(chosen(args), count, warm, ready, go);
    List<Thread> threads = new ArrayList<>();
    for (Worker worker : workers) threads.add(new Thread(worker));
    for (Thread thread : threads) {
      thread.setDaemon(true);  // where nobody says go, main's end is the end
      thread.start();
    }
    Truth main = null;
    for (int step = 0; step < 3; step++) {
      if (step == 2) {
        ready.await();
        System.out.print("ready\n");
        System.out.flush();
        if (System.in.read() < 0) return;
        go.countDown();
      }
      try {
        loopMain(step != 0, step == 2 ? count : warm);
      } catch (IOException e) {
        main = new Truth("pathMain");
        main.add(e, count);
      }
    }
    for (Thread thread : threads) thread.join();
    report(workers, main);
    // All its paths together may take 100 ms; what is known of programs that end so soon has tests of
    // its own (ShortLived).
    Thread.sleep(500);
  }

  static void report(List<Worker> workers, Truth main) {
    StringBuilder out = new StringBuilder();
    for (Worker worker : workers) {
      if (worker.failure != null) {
        worker.failure.printStackTrace();
        System.exit(1);
      }
      for (Truth truth : worker.truths) truth.print(out);
    }
    main.print(out);
    System.out.print(out);
    System.out.flush();
  }
}
