// SPDX-License-Identifier: Apache-2.0
// Java and native code on one stack: JNI in both directions, class loading and initialisers that
// the JVM calls, threads that native code attaches, signals, foreign functions (JDK 22 on).
package truth;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.util.Optional;

final class TruthNative {
  static native void down(int levels);

  static synchronized native void downLocked(int levels);

  static native void construct(Class<?> made);

  static native void nonvirtual(Upper self);

  static native void attached();

  static native void libraryThread(int calls);

  static native void signal(boolean ownStack);

  static native long manyArguments(int a, double b, long c, float d, Object e, long f, double g,
      long h, double i, double j, double k, double l, double m, double n, long o, int p, byte[] q);

  // Native code calls these.
  static void up(int levels) {
    if (levels == 0) Truth.leaf();
    else if ((levels & 1) == 0) down(levels - 1);
    else downLocked(levels - 1);
  }

  static void pathAttached() { Truth.leaf(); }

  static long upMany(int a, double b, long c, float d, Object e, long f, double g, long h, double i,
      double j, double k, double l, double m, double n, long o, int p, byte[] q) {
    Truth.leaf();
    return a + c + f + h + o + p;
  }

  static class Upper {
    void virtualUp() { throw new IllegalStateException(); }
  }

  static final class Lower extends Upper {
    @Override
    void virtualUp() { throw new IllegalStateException(); }
  }

  static class Plain extends Upper {
    @Override
    void virtualUp() { Truth.leaf(); }
  }

  public static final class Made {
    Made() { Truth.leaf(); }
  }

  static void pathLevels(int v) { down(v); }

  static void pathConstruct(int v) { construct(Made.class); }

  static void pathNonvirtual(int v) { nonvirtual(new Plain()); }

  static void pathSignal(int v) { signal(v == 1); }

  static void pathManyArguments(int v) {
    manyArguments(1, 2, 3, 4, "5", 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, null);
  }

  // ------------------------------------------------------------------ classes

  static final String FRESH = "truth.TruthNative$Fresh";

  public static class FreshInitializer {
    static {
      Truth.leaf();
    }
  }

  public static class FreshUser implements Runnable {
    @Override
    public void run() { FreshUsed.touch(); }
  }

  public static class FreshUsed {
    static int touched;

    static void touch() { touched++; }
  }

  static void pathInitializer(int v) throws Exception {
    Class.forName(FRESH + "Initializer", true, new TruthLoader(FRESH, ""));
  }

  // The JVM asks the loader for a class that code in a method needs.
  static void pathLoading(int v) throws Exception {
    ((Runnable) new TruthLoader(FRESH, FRESH + "Used").make(FRESH + "User")).run();
  }

  // ------------------------------------------------------------------ foreign functions

  /** java.lang.foreign, by reflection: the class is compiled for JDK 8. */
  static final class Foreign {
    final MethodHandle callBack;  // truth_call_back(void (*function)(void))
    final Object nowhere;
    final Object toJava;

    Foreign(String library) throws Exception {
      Class<?> linkerClass = Class.forName("java.lang.foreign.Linker");
      Class<?> arenaClass = Class.forName("java.lang.foreign.Arena");
      Class<?> segment = Class.forName("java.lang.foreign.MemorySegment");
      Class<?> layout = Class.forName("java.lang.foreign.MemoryLayout");
      Class<?> descriptor = Class.forName("java.lang.foreign.FunctionDescriptor");
      Class<?> options = Array.newInstance(
          Class.forName("java.lang.foreign.Linker$Option"), 0).getClass();
      Object noOptions = Array.newInstance(options.getComponentType(), 0);
      Object linker = linkerClass.getMethod("nativeLinker").invoke(null);
      Object arena = arenaClass.getMethod("global").invoke(null);
      Class<?> lookupClass = Class.forName("java.lang.foreign.SymbolLookup");
      Object lookup = lookupClass.getMethod("libraryLookup", String.class, arenaClass)
                          .invoke(null, library, arena);
      Object function = ((Optional<?>) lookupClass.getMethod("find", String.class)
                             .invoke(lookup, "truth_call_back")).get();
      Object pointer = Class.forName("java.lang.foreign.ValueLayout").getField("ADDRESS").get(null);
      Class<?> layouts = Array.newInstance(layout, 0).getClass();
      Method ofVoid = descriptor.getMethod("ofVoid", layouts);
      Object one = Array.newInstance(layout, 1);
      Array.set(one, 0, pointer);
      callBack = ((MethodHandle) linkerClass.getMethod("downcallHandle", segment, descriptor, options)
          .invoke(linker, function, ofVoid.invoke(null, one), noOptions))
          .asType(MethodType.methodType(void.class, Object.class));
      nowhere = segment.getField("NULL").get(null);
      MethodHandle up = MethodHandles.lookup().findStatic(
          TruthNative.class, "foreignUp", MethodType.methodType(void.class));
      toJava = linkerClass.getMethod("upcallStub", MethodHandle.class, descriptor, arenaClass, options)
          .invoke(linker, up, ofVoid.invoke(null, Array.newInstance(layout, 0)), arena, noOptions);
    }
  }

  static Foreign foreign;
  static int foreignLevels;

  static void foreignUp() {
    try {
      if (--foreignLevels <= 0) Truth.leaf();
      else foreign.callBack.invokeExact(foreign.toJava);
    } catch (Throwable t) {
      throw new IllegalStateException(t);  // what is called back must not throw
    }
  }

  static void pathForeignUp(int v) throws Throwable {
    foreignLevels = v + 1;
    foreign.callBack.invokeExact(foreign.toJava);
  }

  static void pathForeignDown(int v) throws Throwable {
    Truth.here(new Throwable());
    foreign.callBack.invokeExact(foreign.nowhere);
  }

  public static void main(String[] args) throws Exception {
    Truth truth = new Truth(args);
    String self = "truth/TruthNative.";
    int few = Math.max(truth.count / 10, 20);
    truth.path(self + "pathLevels", 7, TruthNative::pathLevels);
    truth.path(self + "pathConstruct", 1, TruthNative::pathConstruct);
    truth.path(self + "pathNonvirtual", 1, TruthNative::pathNonvirtual);
    truth.path(self + "pathManyArguments", 1, TruthNative::pathManyArguments);
    truth.path(self + "pathSignal", 2, TruthNative::pathSignal);
    truth.path(self + "pathInitializer", 1, few, TruthNative::pathInitializer).slow();
    truth.path(self + "pathLoading", 1, few, TruthNative::pathLoading).slow();
    truth.path(self + "pathAttached", 1, few, v -> attached()).slow();
    truth.nativePath("truth_library_thread",
        "truth_native_call;truth_native_deep;truth_native_deep;truth_native_deep;"
            + "truth_library_thread", 5, few, v -> libraryThread(5)).slow();
    if (Truth.version() >= 22) {
      foreign = new Foreign(args[2]);
      truth.path(self + "pathForeignUp", 3, TruthNative::pathForeignUp);
      truth.path(self + "pathForeignDown", 1, TruthNative::pathForeignDown);
    }
    truth.run();
  }

  private TruthNative() {}
}
