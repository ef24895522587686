// SPDX-License-Identifier: Apache-2.0
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * Opens files from stacks that change all the time: classes are loaded again and again, their
 * methods compiled, deoptimised, unloaded and their code memory reused, under garbage collection.
 * Arguments: threads, milliseconds between classes, classes between collections.
 */
public final class Churn {
  private static volatile Work work;
  private static volatile long ops;
  private static volatile Object garbage;

  public interface Work {
    int run(int depth, int kind) throws IOException;
  }

  public static int open() throws IOException {
    try (FileInputStream in = new FileInputStream("/etc/hostname")) {
      ops++;
      return 1;
    }
  }

  /** Loaded by a loader of its own each time. */
  public static class Body implements Work {
    static class Other extends Body {
      @Override
      int leaf(int kind) throws IOException {
        return open() + kind;
      }
    }

    int leaf(int kind) throws IOException {
      return open();
    }

    int left(int depth, int kind) throws IOException {
      return depth <= 0 ? leaf(kind) : (kind & 1) == 0 ? right(depth - 1, kind >> 1) : left(depth - 1, kind >> 1);
    }

    int right(int depth, int kind) throws IOException {
      return depth <= 0 ? leaf(kind) : (kind & 2) == 0 ? left(depth - 1, kind >> 1) : right(depth - 1, kind >> 1);
    }

    @Override
    public int run(int depth, int kind) throws IOException {
      // The first use of Other unmakes what was compiled for one leaf() only.
      return (kind > 1000 ? new Other() : this).left(depth, kind);
    }
  }

  static final class Loader extends ClassLoader {
    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (!name.startsWith("Churn$Body")) {
        return super.loadClass(name, resolve);
      }
      try (InputStream in = Churn.class.getResourceAsStream("/" + name + ".class")) {
        byte[] bytes = in.readAllBytes();
        return defineClass(name, bytes, 0, bytes.length);
      } catch (IOException e) {
        throw new ClassNotFoundException(name, e);
      }
    }
  }

  static void openAll(int seed) {
    try {
      for (long i = seed; ; i++) {
        // Runs of one stack, as programs have them, and changes between them.
        long run = i / 16 * 0x9e3779b97f4a7c15L;
        work.run((int) (run >>> 60), (int) (run >>> 40) & ((i & 0xffff) == 0 ? 0xfff : 0x3ff));
        if ((i & 255) == 0) {
          garbage = new byte[4096];
        }
      }
    } catch (IOException e) {
      throw new RuntimeException(e);
    }
  }

  public static void main(String[] args) throws Exception {
    int threads = Integer.parseInt(args[0]);
    int millis = Integer.parseInt(args[1]);
    int gcEvery = args.length > 2 ? Integer.parseInt(args[2]) : 16;
    Thread.setDefaultUncaughtExceptionHandler((thread, error) -> {
      error.printStackTrace();
      System.exit(1);
    });
    work = new Body();
    for (int i = 0; i < threads; i++) {
      int seed = i * 1_000_003;
      Thread opener = new Thread(() -> openAll(seed), "opener");
      opener.setDaemon(true);
      opener.start();
    }
    for (int i = 0; ; i++) {
      Thread.sleep(millis);
      work = (Work) new Loader().loadClass("Churn$Body").getConstructor().newInstance();
      if (i % gcEvery == 0) {
        System.gc();
      }
      System.out.println(ops + " " + System.nanoTime() + " " + i);
    }
  }
}
