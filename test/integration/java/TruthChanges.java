// SPDX-License-Identifier: Apache-2.0
// Code that changes below the frames that run it: assumptions that a new class breaks, traps of
// speculative code, loops compiled while they run, classes defined again, loaders that come and go.
package truth;

import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

public final class TruthChanges {
  static final int ROUND = 500;  // calls before classes are made anew: nothing is known of them
  static final String FRESH = "truth.TruthChanges$Fresh";

  // What was dropped goes; not before it is named, some milliseconds after it was met first.
  static void unload() {
    LockSupport.parkNanos(100000000);
    System.gc();
  }

  /** A class that a loader makes again each round; the round's last calls are unlike the others. */
  static final class Renewed {
    final String name;
    int calls;
    IntConsumer now;

    Renewed(String name) { this.name = FRESH + name; }

    void call(int variant) throws Exception {
      if (calls++ % ROUND == 0) now = (IntConsumer) new TruthLoader(FRESH, "").make(name);
      if (calls % (2 * ROUND) == 0) unload();
      int left = ROUND - 1 - (calls - 1) % ROUND;
      now.accept(left < 8 ? variant + 4 : variant);
    }
  }

  // ------------------------------------------------------------------ class hierarchy

  // While Plant has no subclass its method is called directly; then, inside of it, one is loaded.
  public static class FreshPlant {
    public void grow(int kind) {
      sprout(this, kind);
      Truth.leaf();
    }
  }

  public static final class FreshSprout extends FreshPlant {
    @Override
    public void grow(int kind) { Truth.leaf(); }
  }

  public static final class FreshGarden implements IntConsumer {
    final FreshPlant plant = new FreshPlant();

    @Override
    public void accept(int kind) { tend(kind); }

    void tend(int kind) { plant.grow(kind); }
  }

  public static void sprout(Object plant, int kind) {
    if (kind < 4) return;
    try {
      plant.getClass().getClassLoader().loadClass(FRESH + "Sprout");
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException(e);
    }
  }

  // ------------------------------------------------------------------ traps

  public static final class FreshTraps implements IntConsumer {
    long sum;
    final int[] few = new int[4];

    @Override
    public void accept(int kind) {
      switch (kind & 3) {
        case 0: branch(kind); break;
        case 1: type(kind < 4 ? "text" : new StringBuilder("text")); break;
        case 2: nothing(kind < 4 ? "text" : null); break;
        default: range(kind); break;
      }
    }

    void branch(int kind) {
      if (kind > 3) sum += kind * 3L;
      inner(kind);
    }

    void type(CharSequence text) {
      sum += text.length();
      inner(1);
    }

    void nothing(Object object) {
      try {
        sum += object.hashCode();
      } catch (NullPointerException e) {
        sum--;
      }
      inner(2);
    }

    void range(int index) {
      try {
        sum += few[index];
      } catch (ArrayIndexOutOfBoundsException e) {
        sum--;
      }
      inner(3);
    }

    void inner(int x) {
      sum += x;
      Truth.leaf();
    }
  }

  // ------------------------------------------------------------------ loops

  public static final class FreshLoop implements IntConsumer {
    static final int TURNS = 60000;
    static final int CALLS = 20;
    long sum;

    @Override
    public void accept(int kind) {
      for (int i = 0; i < TURNS; i++) {
        sum += i ^ kind;
        if (i % (TURNS / CALLS) == 0) Truth.leaf();
      }
    }
  }

  static void pathHierarchy(Renewed garden, int v) throws Exception { garden.call(v); }

  static void pathTraps(Renewed traps, int v) throws Exception { traps.call(v); }

  static void pathLoop(int v) throws Exception {
    ((IntConsumer) new TruthLoader(FRESH, "").make(FRESH + "Loop")).accept(v);
  }

  // ------------------------------------------------------------------ other code for a class

  public static final class Redefined {
    static int calls;

    static void outer(int v) throws Exception {
      if ("version-A".length() != 0) inner(v);
    }

    static void inner(int v) throws Exception {
      // Its own code and that of its caller, while both run. No faster than methods are named: the
      // JVM frees what is old when the next comes, and an agent does this once, not all the time.
      if (v % 50 == 0) {
        LockSupport.parkNanos(50000000);
        TruthAgent.redefine(Redefined.class, v % 100 == 0 ? "version-B" : "version-A");
      }
      if ("version-A".length() != 0) Truth.leaf();
    }
  }

  static int redefinitions;

  static void pathRedefined() throws Exception { Redefined.outer(redefinitions++); }

  // ------------------------------------------------------------------ loaders

  public static final class FreshTenant implements IntConsumer {
    @Override
    public void accept(int x) { stay(x); }

    static void stay(int x) { Truth.leaf(); }
  }

  static void pathLoaders(int v) throws Exception {
    ((IntConsumer) new TruthLoader(FRESH, "").make(FRESH + "Tenant")).accept(v);
    if (v == 0) unload();
  }

  public static void main(String[] args) throws Exception {
    Truth truth = new Truth(args);
    String self = "truth/TruthChanges.";
    Renewed garden = new Renewed("Garden");
    Renewed traps = new Renewed("Traps");
    int rounds = Math.max(truth.count, 2 * ROUND);  // their ends are what counts
    truth.path(self + "pathHierarchy", 1, rounds, v -> pathHierarchy(garden, v)).slow();
    truth.path(self + "pathTraps", 4, rounds, v -> pathTraps(traps, v)).slow();
    truth.path(self + "pathLoop", 1, 10, TruthChanges::pathLoop).slow();
    truth.path(self + "pathRedefined", 1, v -> pathRedefined()).slow();
    truth.path(self + "pathLoaders", 100, Math.max(truth.count / 5, 100),
        TruthChanges::pathLoaders).slow();
    truth.run();
  }

  private TruthChanges() {}
}
