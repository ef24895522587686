// SPDX-License-Identifier: Apache-2.0
// Deep stacks whose methods are interpreted and compiled in turn, where the JVM is told so by
// -XX:CompileCommand=exclude,truth/TruthRecursion*.interpreted*; frames of each size and shape.
package truth;

final class TruthRecursion {
  interface Step {
    void down(int left, long a, double b, Object c);
  }

  // Many arguments: six integers and eight doubles go in registers, the others on the stack, where
  // an adapter between interpreted and compiled code has to move them.
  abstract static class Base implements Step {
    abstract int interpretedMany(int left, long a, double b, int c, long d, float e, Object f,
        long g, double h, double i, double j, double k, double l, double m, double n, long o);

    int compiledMany(int left, long a, double b, int c, long d, float e, Object f, long g, double h,
        double i, double j, double k, double l, double m, double n, long o) {
      if (left == 0) {
        Truth.leaf();
        return c;
      }
      return 1 + interpretedMany(left - 1, o, n, c + 1, a, e, f, d, m, l, k, j, i, h, b, g);
    }
  }

  static final class One extends Base {
    @Override
    int interpretedMany(int left, long a, double b, int c, long d, float e, Object f, long g,
        double h, double i, double j, double k, double l, double m, double n, long o) {
      if (left == 0) {
        Truth.leaf();
        return c;
      }
      return 2 + compiledMany(left - 1, d, h, c + 2, g, e, f, o, i, j, k, l, m, n, b, a);
    }

    @Override
    public void down(int left, long a, double b, Object c) {
      if (left == 0) Truth.leaf();
      else interpretedDown(left - 1, b, a, (Step) c);
    }
  }

  static final class Two extends Base {
    @Override
    int interpretedMany(int left, long a, double b, int c, long d, float e, Object f, long g,
        double h, double i, double j, double k, double l, double m, double n, long o) {
      if (left == 0) {
        Truth.leaf();
        return c;
      }
      return 3 + RECEIVERS[left & 1].compiledMany(
          left - 1, o, n, c + 3, a, e, f, d, m, l, k, j, i, h, b, g);
    }

    @Override
    public synchronized void down(int left, long a, double b, Object c) {
      if (left == 0) Truth.leaf();
      else interpretedLocked(left - 1, a, b);
    }
  }

  static final Base[] RECEIVERS = {new One(), new Two()};

  static void interpretedDown(int left, double b, long a, Step step) {
    if (left == 0) Truth.leaf();
    else compiledDown(left - 1, a + 1, b * 0.5);
  }

  static synchronized void interpretedLocked(int left, long a, double b) {
    if (left == 0) Truth.leaf();
    else compiledDown(left - 1, a, b);
  }

  static void compiledDown(int left, long a, double b) {
    if (left == 0) Truth.leaf();
    else RECEIVERS[left & 1].down(left - 1, a, b, RECEIVERS[left >> 1 & 1]);
  }

  static void pathDeep20(int variant) { compiledDown(19 + variant, 1, 1); }

  static void pathDeep200(int variant) { compiledDown(199 + variant, 1, 1); }

  static void pathDeep1500(int variant) { compiledDown(1499 + variant, 1, 1); }

  static void pathMany20(int variant) { many(19 + variant, variant); }

  static void pathMany200(int variant) { many(199 + variant, variant); }

  static void pathMany1500(int variant) { many(1499 + variant, variant); }

  static void many(int left, int variant) {
    RECEIVERS[variant & 1].compiledMany(left, 1, 2, 3, 4, 5, "6", 7, 8, 9, 10, 11, 12, 13, 14, 15);
  }

  static long pathWide() { return Wide.wide(Wide.VALUES); }

  static long pathVeryWide() { return interpretedWide(Wide.VALUES); }

  static long interpretedWide(long[] from) { return Wide.veryWide(from) + 1; }

  // Locks held and let go on the way, of the class, of the object and of others.
  static void pathLocks(int variant) { new Locks().outer(variant); }

  static final class Locks {
    final Object inner = new Object();

    synchronized void outer(int variant) {
      synchronized (inner) {
        if (variant == 0) Truth.leaf();
        else again(this, variant);
      }
    }

    static synchronized void again(Locks locks, int variant) {
      synchronized (locks) {
        synchronized (locks.inner) {
          if (variant == 1) Truth.leaf();
          else lockedLeaf(locks);
        }
      }
    }

    static void lockedLeaf(Locks locks) {
      synchronized (locks) {
        Truth.leaf();
      }
    }
  }

  public static void main(String[] args) throws Exception {
    Truth truth = new Truth(args);
    int few = Math.max(truth.count / 10, 20);
    truth.path("truth/TruthRecursion.pathDeep20", 4, TruthRecursion::pathDeep20);
    truth.path("truth/TruthRecursion.pathDeep200", 4, TruthRecursion::pathDeep200);
    truth.path("truth/TruthRecursion.pathDeep1500", 4, few, TruthRecursion::pathDeep1500).slow();
    truth.path("truth/TruthRecursion.pathMany20", 4, TruthRecursion::pathMany20);
    truth.path("truth/TruthRecursion.pathMany200", 4, TruthRecursion::pathMany200);
    truth.path("truth/TruthRecursion.pathMany1500", 4, few, TruthRecursion::pathMany1500).slow();
    truth.path("truth/TruthRecursion.pathWide", 1, v -> pathWide());
    truth.path("truth/TruthRecursion.pathVeryWide", 1, v -> pathVeryWide());
    truth.path("truth/TruthRecursion.pathLocks", 3, TruthRecursion::pathLocks);
    truth.run();
  }

  private TruthRecursion() {}
}
