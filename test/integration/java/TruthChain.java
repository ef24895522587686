// SPDX-License-Identifier: Apache-2.0
package truth;

import java.util.ArrayList;
import java.util.List;

/**
 * A chain of methods, m0 to m29, that one thread climbs and leaves without end: whatever interrupts it
 * anywhere finds a beginning of that chain on its stack, and nothing else. Another thread touches
 * memory for the first time, again and again; a third waits and is woken.
 */
public final class TruthChain {
  static final int DEPTH = 30;
  static volatile long sink;
  static volatile boolean going;
  static volatile boolean done;

  interface Body {
    void run() throws InterruptedException;
  }

  static long m0(int left, long x, int a, int b) {
    long y = x + 0;
    if (left > 0) y += m1(left - 1, y ^ a, b, a + 0);
    return y * 3 + a;
  }

  static long m1(int left, long x, int a, int b) {
    long y = x + 1;
    if (left > 0) y += m2(left - 1, y ^ a, b, a + 1);
    return y * 3 + a;
  }

  static long m2(int left, long x, int a, int b) {
    long y = x + 2;
    if (left > 0) y += m3(left - 1, y ^ a, b, a + 2);
    return y * 3 + a;
  }

  static long m3(int left, long x, int a, int b) {
    long y = x + 3;
    if (left > 0) y += m4(left - 1, y ^ a, b, a + 3);
    return y * 3 + a;
  }

  static long m4(int left, long x, int a, int b) {
    long y = x + 4;
    if (left > 0) y += m5(left - 1, y ^ a, b, a + 4);
    return y * 3 + a;
  }

  static long m5(int left, long x, int a, int b) {
    long y = x + 5;
    if (left > 0) y += m6(left - 1, y ^ a, b, a + 5);
    return y * 3 + a;
  }

  static long m6(int left, long x, int a, int b) {
    long y = x + 6;
    if (left > 0) y += m7(left - 1, y ^ a, b, a + 6);
    return y * 3 + a;
  }

  static long m7(int left, long x, int a, int b) {
    long y = x + 7;
    if (left > 0) y += m8(left - 1, y ^ a, b, a + 7);
    return y * 3 + a;
  }

  static long m8(int left, long x, int a, int b) {
    long y = x + 8;
    if (left > 0) y += m9(left - 1, y ^ a, b, a + 8);
    return y * 3 + a;
  }

  static long m9(int left, long x, int a, int b) {
    long y = x + 9;
    if (left > 0) y += m10(left - 1, y ^ a, b, a + 9);
    return y * 3 + a;
  }

  static long m10(int left, long x, int a, int b) {
    long y = x + 10;
    if (left > 0) y += m11(left - 1, y ^ a, b, a + 10);
    return y * 3 + a;
  }

  static long m11(int left, long x, int a, int b) {
    long y = x + 11;
    if (left > 0) y += m12(left - 1, y ^ a, b, a + 11);
    return y * 3 + a;
  }

  static long m12(int left, long x, int a, int b) {
    long y = x + 12;
    if (left > 0) y += m13(left - 1, y ^ a, b, a + 12);
    return y * 3 + a;
  }

  static long m13(int left, long x, int a, int b) {
    long y = x + 13;
    if (left > 0) y += m14(left - 1, y ^ a, b, a + 13);
    return y * 3 + a;
  }

  static long m14(int left, long x, int a, int b) {
    long y = x + 14;
    if (left > 0) y += m15(left - 1, y ^ a, b, a + 14);
    return y * 3 + a;
  }

  static long m15(int left, long x, int a, int b) {
    long y = x + 15;
    if (left > 0) y += m16(left - 1, y ^ a, b, a + 15);
    return y * 3 + a;
  }

  static long m16(int left, long x, int a, int b) {
    long y = x + 16;
    if (left > 0) y += m17(left - 1, y ^ a, b, a + 16);
    return y * 3 + a;
  }

  static long m17(int left, long x, int a, int b) {
    long y = x + 17;
    if (left > 0) y += m18(left - 1, y ^ a, b, a + 17);
    return y * 3 + a;
  }

  static long m18(int left, long x, int a, int b) {
    long y = x + 18;
    if (left > 0) y += m19(left - 1, y ^ a, b, a + 18);
    return y * 3 + a;
  }

  static long m19(int left, long x, int a, int b) {
    long y = x + 19;
    if (left > 0) y += m20(left - 1, y ^ a, b, a + 19);
    return y * 3 + a;
  }

  static long m20(int left, long x, int a, int b) {
    long y = x + 20;
    if (left > 0) y += m21(left - 1, y ^ a, b, a + 20);
    return y * 3 + a;
  }

  static long m21(int left, long x, int a, int b) {
    long y = x + 21;
    if (left > 0) y += m22(left - 1, y ^ a, b, a + 21);
    return y * 3 + a;
  }

  static long m22(int left, long x, int a, int b) {
    long y = x + 22;
    if (left > 0) y += m23(left - 1, y ^ a, b, a + 22);
    return y * 3 + a;
  }

  static long m23(int left, long x, int a, int b) {
    long y = x + 23;
    if (left > 0) y += m24(left - 1, y ^ a, b, a + 23);
    return y * 3 + a;
  }

  static long m24(int left, long x, int a, int b) {
    long y = x + 24;
    if (left > 0) y += m25(left - 1, y ^ a, b, a + 24);
    return y * 3 + a;
  }

  static long m25(int left, long x, int a, int b) {
    long y = x + 25;
    if (left > 0) y += m26(left - 1, y ^ a, b, a + 25);
    return y * 3 + a;
  }

  static long m26(int left, long x, int a, int b) {
    long y = x + 26;
    if (left > 0) y += m27(left - 1, y ^ a, b, a + 26);
    return y * 3 + a;
  }

  static long m27(int left, long x, int a, int b) {
    long y = x + 27;
    if (left > 0) y += m28(left - 1, y ^ a, b, a + 27);
    return y * 3 + a;
  }

  static long m28(int left, long x, int a, int b) {
    long y = x + 28;
    if (left > 0) y += m29(left - 1, y ^ a, b, a + 28);
    return y * 3 + a;
  }

  static long m29(int left, long x, int a, int b) {
    return x * 7 + a - b;
  }

  static void climb() {
    long x = 1;
    while (!done) {
      for (int depth = 0; depth < DEPTH; depth++) x += m0(depth, x, depth, 3);
      sink = x;
    }
  }

  // Slowly, so that there is memory that was never touched as long as this runs.
  static void touch() throws InterruptedException {
    List<byte[]> kept = new ArrayList<>();
    while (!done) {
      Thread.sleep(1);
      if (going) kept.add(new byte[1 << 14]);
    }
    sink = kept.size();
  }

  static void pause() throws InterruptedException {
    while (!done) Thread.sleep(1);
  }

  static Thread start(Body body) {
    Thread thread = new Thread(() -> {
      try {
        body.run();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
    thread.start();
    return thread;
  }

  public static void main(String[] args) throws Exception {
    Thread climber = start(TruthChain::climb);
    Thread toucher = start(TruthChain::touch);
    Thread pauser = start(TruthChain::pause);
    Thread.sleep(1500);  // until it is compiled
    System.out.print("ready\n");
    System.out.flush();
    going = System.in.read() >= 0;
    if (going) Thread.sleep(Long.parseLong(args[0]));
    done = true;
    climber.join();
    toucher.join();
    pauser.join();
  }
}
