// SPDX-License-Identifier: Apache-2.0
// Opens files from methods that come and go: classes of one shape, each with a serial number in all
// its names, are made, used and unloaded, so that their methods and their compiled code lie where
// those of others lay.
//
//   java truth.NameChurn CLASSES THREADS EVERY LINGER
//
// Prints "ready", waits for one byte on standard input, makes CLASSES classes in THREADS threads, and
// collects garbage after each EVERY of them. Each opens /dev/null at the end of the chain
//
//   truth/NameChurn.drive, truth/C<serial>.run, truth/C<serial>.m<serial>_1, ... _5, truth/NameChurn.open
//
// and prints at the end, LINGER milliseconds behind the last, for each serial, how often: "opens <serial> <count>".
package truth;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.AtomicInteger;

public final class NameChurn {
  static final int DEPTH = 5;
  static final int PUBLIC = 1;
  static final int STATIC = 8;

  private NameChurn() {}

  /** What the generated classes call. */
  public static void open() {
    try (FileInputStream in = new FileInputStream("/dev/null")) {
      in.available();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void drive(Runnable work) {
    work.run();
  }

  /** A class file, written constant by constant. */
  static final class ClassFile {
    private final ByteArrayOutputStream pool = new ByteArrayOutputStream();
    private final ByteArrayOutputStream methods = new ByteArrayOutputStream();
    private final DataOutputStream constants = new DataOutputStream(pool);
    private final DataOutputStream body = new DataOutputStream(methods);
    private int constantCount = 1;
    private int methodCount;

    int utf8(String text) throws IOException {
      constants.writeByte(1);
      constants.writeUTF(text);
      return constantCount++;
    }

    int type(String name) throws IOException {
      int index = utf8(name);
      constants.writeByte(7);
      constants.writeShort(index);
      return constantCount++;
    }

    int method(int type, String name, String signature) throws IOException {
      int nameIndex = utf8(name);
      int signatureIndex = utf8(signature);
      constants.writeByte(12);
      constants.writeShort(nameIndex);
      constants.writeShort(signatureIndex);
      int nameAndType = constantCount++;
      constants.writeByte(10);
      constants.writeShort(type);
      constants.writeShort(nameAndType);
      return constantCount++;
    }

    void define(int flags, String name, int codeName, int... code) throws IOException {
      body.writeShort(flags);
      body.writeShort(utf8(name));
      body.writeShort(utf8("()V"));
      body.writeShort(1);
      body.writeShort(codeName);
      body.writeInt(12 + code.length);
      body.writeShort(1);
      body.writeShort(1);
      body.writeInt(code.length);
      for (int b : code) body.writeByte(b);
      body.writeInt(0);
      methodCount++;
    }

    byte[] bytes(int self, int parent, int implemented) throws IOException {
      ByteArrayOutputStream file = new ByteArrayOutputStream();
      DataOutputStream out = new DataOutputStream(file);
      out.writeInt(0xcafebabe);
      out.writeInt(50);  // Java 6: without branches there is no need of stack maps, nor of a newer format
      out.writeShort(constantCount);
      pool.writeTo(out);
      out.writeShort(PUBLIC | 0x20);
      out.writeShort(self);
      out.writeShort(parent);
      out.writeShort(1);
      out.writeShort(implemented);
      out.writeShort(0);
      out.writeShort(methodCount);
      methods.writeTo(out);
      out.writeShort(0);
      return file.toByteArray();
    }
  }

  static byte[] generate(String name, String serial) throws IOException {
    ClassFile file = new ClassFile();
    int self = file.type(name);
    int object = file.type("java/lang/Object");
    int runnable = file.type("java/lang/Runnable");
    int code = file.utf8("Code");
    int init = file.method(object, "<init>", "()V");
    int open = file.method(file.type("truth/NameChurn"), "open", "()V");
    file.define(PUBLIC, "<init>", code, 0x2a, 0xb7, init >> 8, init & 0xff, 0xb1);
    int next = open;
    for (int i = DEPTH; i >= 1; i--) {
      String method = "m" + serial + "_" + i;
      file.define(PUBLIC | STATIC, method, code, 0xb8, next >> 8, next & 0xff, 0xb1);
      next = file.method(self, method, "()V");
    }
    file.define(PUBLIC, "run", code, 0xb8, next >> 8, next & 0xff, 0xb1);
    return file.bytes(self, object, runnable);
  }

  /** One for each class: it goes with it. */
  static final class Loader extends ClassLoader {
    Loader() {
      super(NameChurn.class.getClassLoader());
    }

    Runnable load(int number) throws IOException, ReflectiveOperationException {
      String serial = String.format("%07d", number);
      byte[] bytes = generate("truth/C" + serial, serial);
      return (Runnable)
          defineClass("truth.C" + serial, bytes, 0, bytes.length).getConstructor().newInstance();
    }
  }

  // Most are interpreted, every tenth gets compiled, every hundredth by both compilers.
  static int rounds(int serial) {
    return serial % 100 == 0 ? 1000 : serial % 10 == 0 ? 120 : 1 + serial % 5;
  }

  static void churn(AtomicInteger serials, int classes, int every, int[] opens) {
    try {
      for (int serial = serials.getAndIncrement(); serial < classes; serial = serials.getAndIncrement()) {
        Runnable work = new Loader().load(serial);
        int rounds = rounds(serial);
        for (int i = 0; i < rounds; i++) drive(work);
        opens[serial] = rounds;
        if (serial % every == 0) System.gc();
      }
    } catch (IOException | ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    int classes = Integer.parseInt(args[0]);
    int every = Integer.parseInt(args[2]);
    int[] opens = new int[classes];
    AtomicInteger serials = new AtomicInteger();
    Thread[] threads = new Thread[Integer.parseInt(args[1])];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = new Thread(() -> churn(serials, classes, every, opens));
    }
    churn(serials, 1, every, opens);  // what is loaded but once is loaded now
    System.out.println("ready");
    System.out.flush();
    if (System.in.read() < 0) return;
    for (Thread thread : threads) thread.start();
    for (Thread thread : threads) thread.join();
    Thread.sleep(Integer.parseInt(args[3]));
    StringBuilder truth = new StringBuilder();
    for (int i = 1; i < classes; i++) truth.append("opens ").append(i).append(' ').append(opens[i]).append('\n');
    System.out.print(truth);
    System.out.flush();
  }
}
