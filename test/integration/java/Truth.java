// SPDX-License-Identifier: Apache-2.0
package truth;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.LockSupport;

/**
 * What programs share that make a known number of system calls along known stacks. Their arguments:
 *
 *   COUNT WARM LIBRARY [main]
 *
 * Prints "ready", waits for one byte on standard input, walks each path COUNT times, prints one line
 * per distinct stack and exits:
 *
 *   PATH   marker count frames event
 *   NATIVE marker count frames event
 *
 * The marker is a frame that only the path has; frames are leaf first with ';' between. PATH has all
 * the Java frames of a stack, as the JVM itself says at the same place (with
 * -XX:+UnlockDiagnosticVMOptions -XX:+ShowHiddenFrames also those that it hides); NATIVE a run of
 * native ones. count+ is "so many or more", where the library decides how often it calls.
 *
 * Paths that end in leaf() call getppid, which nothing else in a JVM does.
 */
public final class Truth {
  static final String CALL = "sys_enter_getppid";
  static final int ASKED = -1;
  private static final int ASKED_AFTER = 300;  // of each variant: lambda forms are made by then

  interface Body {
    void run(int variant) throws Throwable;
  }

  /** Says what the chain of `variant` is; walks the path by drive() for it. */
  private interface Asker {
    List<String> ask(Path path, int variant) throws Throwable;
  }

  /** Ends what a path waits for. */
  interface Release {
    void run(Thread worker) throws Exception;
  }

  static final class Path {
    final String marker;
    final int variants;
    final Body body;
    int times;
    int warm;
    String event = CALL;
    String atLeast = "";
    Asker asker = Truth::askLeaf;
    String nativeFrames;
    Map<String, Integer> stacks = new LinkedHashMap<>();

    Path(String marker, int variants, Body body) {
      this.marker = marker;
      this.variants = variants;
      this.body = body;
    }

    /** Warmed up no more often than it counts: it takes long, or wears off. */
    void slow() { warm = times; }
  }

  private final List<Path> paths = new ArrayList<>();
  private final StringBuilder lines = new StringBuilder();
  private final boolean inMain;
  final int count;
  final int warm;

  Truth(String[] arguments) {
    inMain = arguments.length > 3;
    count = Integer.parseInt(arguments[0]);
    warm = Integer.parseInt(arguments[1]);
    System.load(arguments[2]);
  }

  /** The version of the Java platform: 8, 11, ... */
  static int version() {
    String version = System.getProperty("java.specification.version");
    return Integer.parseInt(version.startsWith("1.") ? version.substring(2) : version);
  }

  // ------------------------------------------------------------------ the leaf

  private static volatile boolean asking;
  private static final List<String> answers = new ArrayList<>();

  /** One getppid. */
  static native void call();

  public static void leaf() {
    if (asking) ask("truth/Truth.call;", new Throwable());
    call();
  }

  /** Where leaf() cannot be called: the caller's frame is the last of Java that is not hidden. */
  static void here(Throwable trace) {
    if (asking) ask("", trace);
  }

  private static void ask(String leaf, Throwable trace) {
    String chain = leaf + chain(trace.getStackTrace(), 0);
    synchronized (answers) {
      answers.add(chain);
    }
  }

  /** The frames of a stack trace from `from` on. */
  static String chain(StackTraceElement[] trace, int from) {
    StringBuilder out = new StringBuilder();
    for (StackTraceElement e : Arrays.asList(trace).subList(from, trace.length)) {
      if (out.length() > 0) out.append(';');
      out.append(pattern(e.getClassName().replace('.', '/'))).append('.').append(e.getMethodName());
    }
    return out.toString();
  }

  // Classes made at run time have an address or a number in their name.
  private static String pattern(String name) {
    int lambda = name.indexOf("$$Lambda");
    if (lambda >= 0) return name.substring(0, lambda) + "$$Lambda*";
    if (name.startsWith("java/lang/invoke/LambdaForm$")) {
      return name.replaceFirst("[0-9]*/(0x)?[0-9a-f]+$", "*");
    }
    return name.replaceFirst("[/+](0x)?[0-9a-f]+$", "*");
  }

  // ------------------------------------------------------------------ the paths

  /** A path of `variants` bodies, taken in turn. All end in leaf(), once or more. */
  Path path(String marker, int variants, Body body) {
    return path(marker, variants, count, body);
  }

  Path path(String marker, int variants, int times, Body body) {
    Path path = new Path(marker, variants, body);
    path.times = times;
    path.warm = warm;
    paths.add(path);
    return path;
  }

  /** A path whose calls are made by native code alone, `calls` of them a time. */
  Path nativePath(String marker, String frames, int calls, int times, Body body) {
    Path path = path(marker, 1, times, body);
    path.nativeFrames = frames;
    line("NATIVE", marker, Integer.toString(calls * times), frames, CALL);
    return path;
  }

  /**
   * A path that makes a call of the system's; with ASKED its body makes it fail, and what is thrown
   * there tells the chain, but for the frames `leaf` ("" or with a ';' behind each).
   */
  Path failing(String marker, String event, int times, String leaf, Body body) {
    Path path = path(marker, 1, times, body);
    path.event = event;
    path.asker = (p, v) -> Collections.singletonList(leaf + chain(failure(p).getStackTrace(), 0));
    return path;
  }

  private static Throwable failure(Path path) {
    try {
      drive(path, ASKED, 1);
    } catch (Throwable t) {
      Throwable cause = t;
      while (cause.getCause() != null) cause = cause.getCause();
      return cause;
    }
    throw new IllegalStateException(path.marker + " does not fail");
  }

  /**
   * A path that waits in a call of the system's: while it does, another thread asks for its stack
   * and then lets it go on (it is ASKED: nothing else does). `least`: calls that there are at least;
   * 0 for one a time, exactly.
   */
  Path waiting(String marker, String event, int times, int least, Body body,
      Release release) {
    Path path = path(marker, 1, times, body);
    path.event = event;
    path.atLeast = least == 0 ? "" : least + "+";
    path.asker = (p, v) -> {
      Thread worker = Thread.currentThread();
      FutureTask<String> asked = new FutureTask<>(() -> {
        String chain = settled(worker, marker);
        release.run(worker);
        return chain;
      });
      new Thread(asked).start();
      drive(p, ASKED, 1);
      return Collections.singletonList(asked.get());
    };
    return path;
  }

  // The stack of a thread that stays where it is, below `marker`.
  private static String settled(Thread worker, String marker) throws InterruptedException {
    String before = "";
    for (int same = 0; same < 10;) {
      Thread.sleep(2);
      String now = chain(worker.getStackTrace(), 0);
      same = now.equals(before) && now.contains(marker) ? same + 1 : 0;
      before = now;
    }
    return before;
  }

  private static List<String> askLeaf(Path path, int variant) throws Throwable {
    asking = true;
    answers.clear();
    drive(path, variant, 1);
    asking = false;
    return answers;
  }

  void line(String kind, String marker, String number, String frames, String event) {
    lines.append(kind).append(' ').append(marker).append(' ').append(number).append(' ')
        .append(frames).append(' ').append(event).append('\n');
  }

  private static final String DRIVE = ";truth/Truth.drive;";
  private String root;

  // Warming up, asking and counting all come through here.
  private static void drive(Path path, int from, int times) throws Throwable {
    for (int i = from; i < from + times; i++) path.body.run(i < 0 ? i : i % path.variants);
  }

  private void prepare(Path path) throws Throwable {
    drive(path, 0, Math.min(path.warm, ASKED_AFTER * path.variants));
    for (int v = 0; v < path.variants; v++) {
      int share = path.times / path.variants + (v < path.times % path.variants ? 1 : 0);
      for (String chain : path.asker.ask(path, v)) {
        // What asked stands between drive() and the root, which walkAll() will be.
        int drive = chain.indexOf(DRIVE);
        String counted = drive < 0 ? chain : chain.substring(0, drive) + DRIVE + root;
        path.stacks.merge(counted, share, Integer::sum);
      }
    }
    drive(path, 0, path.warm);
  }

  private void walkAll() throws Throwable {
    root = chain(new Throwable().getStackTrace(), 0);
    for (Path path : paths) prepare(path);
    if (!go()) return;
    for (Path path : paths) drive(path, 0, path.times);
    // A stack is named while the process lives, some milliseconds after its event.
    LockSupport.parkNanos(200000000);
    for (Path path : paths) {
      path.stacks.forEach((chain, number) -> {
        if (path.nativeFrames == null) {
          String text = path.atLeast.isEmpty() ? number.toString() : path.atLeast;
          line("PATH", path.marker, text, chain, path.event);
        }
      });
    }
  }

  /** Says that it is ready; false where nobody says go. */
  static boolean go() throws Exception {
    System.out.print("ready\n");
    System.out.flush();
    return System.in.read() >= 0;
  }

  private Throwable failure;

  /** Walks the paths in a thread of their own; with "main" in that which calls. */
  void run() throws Exception {
    if (inMain) {
      runAll();
      end();
      return;
    }
    Thread thread = new Thread(null, this::runAll, "paths", 64L << 20);
    thread.start();
    thread.join();
    end();
  }

  private void runAll() {
    try {
      walkAll();
    } catch (Throwable t) {
      failure = t;
    }
  }

  /** Prints what is to be expected. */
  void end() {
    if (failure != null) {
      failure.printStackTrace();
      System.exit(1);
    }
    System.out.print(lines);
    System.out.flush();
  }
}
