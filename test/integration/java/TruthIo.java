// SPDX-License-Identifier: Apache-2.0
// Calls that the class library makes: files, channels, maps, sockets, processes, threads, locks.
package truth;

import java.io.DataInputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.Pipe;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.locks.LockSupport;

final class TruthIo {
  static final String SELF = "truth/TruthIo.";
  static final byte[] BYTES = new byte[16];
  static final byte[] MANY = new byte[20000];  // more than the library keeps on the stack
  static final byte[] TOO_MANY = new byte[16 << 20];  // for a socket's buffers: a write waits
  static final ByteBuffer DIRECT = ByteBuffer.allocateDirect(16);
  static final ByteBuffer HEAP = ByteBuffer.allocate(16);

  /** Nothing can be done with the file of this descriptor any more: calls fail. */
  static native void breakDescriptor(FileDescriptor descriptor);

  static native Object field(Object of, String name, String type);

  static native int[] pipe();

  // ------------------------------------------------------------------ files

  static void pathStreamRead(FileInputStream in) throws IOException { in.read(BYTES); }

  static void pathStreamReadMany(FileInputStream in) throws IOException { in.read(MANY); }

  static void pathStreamReadOne(FileInputStream in) throws IOException { in.read(); }

  static void pathStreamWrite(FileOutputStream out) throws IOException { out.write(BYTES); }

  static void pathRandomRead(RandomAccessFile file) throws IOException { file.read(BYTES); }

  static void pathRandomWrite(RandomAccessFile file) throws IOException { file.write(BYTES); }

  static void pathRandomSeek(RandomAccessFile file) throws IOException { file.seek(1); }

  static void pathChannelRead(FileChannel file, ByteBuffer into) throws IOException {
    into.clear();
    file.read(into);
  }

  static void pathChannelReadAt(FileChannel file) throws IOException {
    HEAP.clear();
    file.read(HEAP, 3);
  }

  static void pathChannelWrite(FileChannel file, ByteBuffer from) throws IOException {
    from.clear();
    file.write(from);
  }

  static void pathMap(FileChannel file) throws IOException {
    file.map(FileChannel.MapMode.READ_ONLY, 0, 100);
  }

  static void files(Truth truth) throws IOException {
    int n = truth.count;
    FileInputStream zero = new FileInputStream("/dev/zero");
    FileInputStream in = new FileInputStream("/dev/zero");
    FileOutputStream nothing = new FileOutputStream("/dev/null");
    FileOutputStream out = new FileOutputStream("/dev/null");
    RandomAccessFile random = new RandomAccessFile("/dev/zero", "rw");
    RandomAccessFile file = new RandomAccessFile("/dev/zero", "rw");
    breakDescriptor(in.getFD());
    breakDescriptor(out.getFD());
    breakDescriptor(file.getFD());
    FileChannel from = zero.getChannel();
    FileChannel to = nothing.getChannel();
    FileInputStream self = new FileInputStream("/proc/self/exe");
    FileInputStream broken = new FileInputStream("/proc/self/exe");
    breakDescriptor(broken.getFD());
    truth.failing(SELF + "pathStreamRead", "sys_enter_read", n, "",
        v -> pathStreamRead(v < 0 ? in : zero));
    truth.failing(SELF + "pathStreamReadMany", "sys_enter_read", n, "",
        v -> pathStreamReadMany(v < 0 ? in : zero));
    truth.failing(SELF + "pathStreamReadOne", "sys_enter_read", n, "",
        v -> pathStreamReadOne(v < 0 ? in : zero));
    truth.failing(SELF + "pathStreamWrite", "sys_enter_write", n, "",
        v -> pathStreamWrite(v < 0 ? out : nothing));
    truth.failing(SELF + "pathRandomRead", "sys_enter_read", n, "",
        v -> pathRandomRead(v < 0 ? file : random));
    truth.failing(SELF + "pathRandomWrite", "sys_enter_write", n, "",
        v -> pathRandomWrite(v < 0 ? file : random));
    truth.failing(SELF + "pathRandomSeek", "sys_enter_lseek", n, "",
        v -> pathRandomSeek(v < 0 ? file : random));
    truth.failing(SELF + "pathChannelRead", "sys_enter_read", n, "",
        v -> pathChannelRead(v < 0 ? in.getChannel() : from, DIRECT));
    truth.failing(SELF + "pathChannelReadAt", "sys_enter_pread64", n, "",
        v -> pathChannelReadAt(v < 0 ? in.getChannel() : from));
    truth.failing(SELF + "pathChannelWrite", "sys_enter_write", n, "",
        v -> pathChannelWrite(v < 0 ? out.getChannel() : to, HEAP));
    truth.failing(SELF + "pathMap", "sys_enter_mmap", Math.min(n, 500), "",
        v -> pathMap(v < 0 ? broken.getChannel() : self.getChannel())).slow();
  }

  // ------------------------------------------------------------------ sockets

  static void pathConnect(InetSocketAddress nobody, boolean asked) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(nobody);
    } catch (ConnectException e) {
      if (asked) throw e;
    }
  }

  static void pathChannelConnect(InetSocketAddress nobody, boolean asked) throws IOException {
    try (SocketChannel channel = SocketChannel.open()) {
      channel.connect(nobody);
    } catch (ConnectException e) {
      if (asked) throw e;
    }
  }

  static void pathSocketRead(InputStream in) throws IOException { in.read(BYTES); }

  static void pathSocketWrite(OutputStream out, byte[] bytes) throws IOException {
    out.write(bytes);
  }

  static void pathSocketChannelRead(SocketChannel in) throws IOException {
    HEAP.clear();
    in.read(HEAP);
  }

  static void pathSocketChannelWrite(SocketChannel out) throws IOException {
    DIRECT.clear();
    out.write(DIRECT);
  }

  static void sockets(Truth truth) throws IOException {
    InetAddress here = InetAddress.getLoopbackAddress();
    InetSocketAddress nobody;
    try (ServerSocket closed = new ServerSocket(0, 1, here)) {
      nobody = new InetSocketAddress(here, closed.getLocalPort());
    }
    int n = Math.min(truth.count, 500);
    truth.failing(SELF + "pathConnect", "sys_enter_connect", n, "",
        v -> pathConnect(nobody, v < 0)).slow();
    truth.failing(SELF + "pathChannelConnect", "sys_enter_connect", n, "",
        v -> pathChannelConnect(nobody, v < 0)).slow();
    ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress(here, 0));
    SocketChannel near = SocketChannel.open(server.getLocalAddress());
    channels(truth, near, server.accept(), SocketChannel.open(server.getLocalAddress()));
    ServerSocket listener = new ServerSocket(0, 1, here);
    streams(truth, new Socket(here, listener.getLocalPort()), listener.accept());
  }

  static void channels(Truth truth, SocketChannel near, SocketChannel far, SocketChannel broken)
      throws IOException {
    breakDescriptor((FileDescriptor) field(broken, "fd", "Ljava/io/FileDescriptor;"));
    truth.waiting(SELF + "pathSocketChannelRead", "sys_enter_read", truth.count, 0, v -> {
      if (v >= 0) near.write(ByteBuffer.wrap(BYTES));
      pathSocketChannelRead(far);
    }, worker -> near.write(ByteBuffer.wrap(BYTES)));
    truth.failing(SELF + "pathSocketChannelWrite", "sys_enter_write", truth.count, "", v -> {
      pathSocketChannelWrite(v < 0 ? broken : near);
      pathSocketChannelDrain(far);
    });
  }

  static void pathSocketChannelDrain(SocketChannel in) throws IOException {
    HEAP.clear();
    in.read(HEAP);
  }

  static void streams(Truth truth, Socket near, Socket far) {
    // NioSocketImpl (JDK 13 on) reads and writes where PlainSocketImpl receives and sends.
    boolean nio = Truth.version() >= 13;
    truth.waiting(SELF + "pathSocketRead", nio ? "sys_enter_read" : "sys_enter_recvfrom",
        truth.count, 0, v -> {
          if (v >= 0) near.getOutputStream().write(BYTES);
          pathSocketRead(far.getInputStream());
        }, worker -> near.getOutputStream().write(BYTES));
    truth.waiting(SELF + "pathSocketWrite", nio ? "sys_enter_write" : "sys_enter_sendto",
        truth.count, 0, v -> {
          pathSocketWrite(far.getOutputStream(), v < 0 ? TOO_MANY : BYTES);
          if (v >= 0) near.getInputStream().read(BYTES);
        }, worker -> new DataInputStream(near.getInputStream()).readFully(new byte[TOO_MANY.length]));
  }

  // ------------------------------------------------------------------ waiting

  static void pathPipeRead(FileInputStream in) throws IOException { in.read(BYTES); }

  static void pathSelect(Selector selector) throws IOException {
    selector.select();
    selector.selectedKeys().clear();
  }

  static volatile boolean done;
  static final Object LOCK = new Object();

  static void pathPark() {
    while (!done) LockSupport.park();
  }

  static void pathWait() throws InterruptedException {
    synchronized (LOCK) {
      while (!done) LOCK.wait();
    }
  }

  static void pathContended() {
    synchronized (LOCK) {
      done = true;
    }
  }

  static synchronized void pathContendedMethod() { done = true; }

  static void pathSleep(long milliseconds) throws InterruptedException {
    Thread.sleep(milliseconds);
  }

  static void await(Thread thread, Thread.State state) {
    while (thread.getState() != state) Thread.yield();
  }

  static void pipes(Truth truth) throws IOException {
    int[] ends = pipe();
    FileInputStream in = new FileInputStream("/proc/self/fd/" + ends[0]);
    FileOutputStream out = new FileOutputStream("/proc/self/fd/" + ends[1]);
    truth.waiting(SELF + "pathPipeRead", "sys_enter_read", truth.count, 0, v -> {
      if (v >= 0) out.write(BYTES);
      pathPipeRead(in);
    }, worker -> out.write(BYTES));
    Pipe channel = Pipe.open();
    Selector selector = Selector.open();
    channel.source().configureBlocking(false);
    channel.source().register(selector, SelectionKey.OP_READ);
    truth.waiting(SELF + "pathSelect", "sys_enter_epoll_wait", truth.count, 0, v -> {
      if (v >= 0) channel.sink().write(ByteBuffer.wrap(BYTES));
      pathSelect(selector);
      HEAP.clear();
      channel.source().read(HEAP);
    }, worker -> channel.sink().write(ByteBuffer.wrap(BYTES)));
  }

  static final SynchronousQueue<Runnable> PARTNER = new SynchronousQueue<>();

  static void partner() {
    try {
      while (true) PARTNER.take().run();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  static void unpark(Thread worker) {
    await(worker, Thread.State.WAITING);
    done = true;
    LockSupport.unpark(worker);
  }

  static void notify(Thread worker) {
    await(worker, Thread.State.WAITING);
    synchronized (LOCK) {
      done = true;
      LOCK.notifyAll();
    }
  }

  static volatile boolean held;
  static volatile boolean released;

  // Keeps a lock until the other thread waits for it, and a little longer.
  static void hold(Object lock, Thread worker, boolean asked) {
    synchronized (lock) {
      held = true;
      await(worker, Thread.State.BLOCKED);
      while (asked && !released) Thread.yield();
      LockSupport.parkNanos(1000000);
    }
  }

  static void contend(Object lock, boolean asked) throws InterruptedException {
    Thread worker = Thread.currentThread();
    held = false;
    released = false;
    PARTNER.put(() -> hold(lock, worker, asked));
    while (!held) Thread.yield();
  }

  static void locks(Truth truth) {
    Thread partner = new Thread(TruthIo::partner);
    partner.setDaemon(true);
    partner.start();
    int n = Math.min(truth.count, 100);
    int least = n / 2;  // a wait that is over before it began needs no call
    truth.waiting(SELF + "pathPark", "sys_enter_futex", n, least, v -> {
      Thread worker = Thread.currentThread();
      done = false;
      if (v >= 0) PARTNER.put(() -> unpark(worker));
      pathPark();
    }, TruthIo::unpark).slow();
    truth.waiting(SELF + "pathWait", "sys_enter_futex", n, least, v -> {
      Thread worker = Thread.currentThread();
      done = false;
      if (v >= 0) PARTNER.put(() -> notify(worker));
      pathWait();
    }, TruthIo::notify).slow();
    truth.waiting(SELF + "pathContended", "sys_enter_futex", n, least, v -> {
      contend(LOCK, v < 0);
      pathContended();
    }, worker -> released = true).slow();
    truth.waiting(SELF + "pathContendedMethod", "sys_enter_futex", n, least, v -> {
      contend(TruthIo.class, v < 0);
      pathContendedMethod();
    }, worker -> released = true).slow();
    truth.waiting(SELF + "pathSleep", "sys_enter_futex", n, least, v -> {
      try {
        pathSleep(v < 0 ? 600000 : 1);
      } catch (InterruptedException asked) {
        Thread.interrupted();
      }
    }, Thread::interrupt).slow();
  }

  // ------------------------------------------------------------------ processes and threads

  static void pathProcess(boolean asked) throws IOException {
    try {
      new ProcessBuilder("/nonexistent/truth").start();
    } catch (IOException e) {
      if (asked) throw e;
    }
  }

  static void pathThread(Thread thread) { thread.start(); }

  static void births(Truth truth) {
    int n = Math.min(truth.count, 50);
    truth.failing(SELF + "pathProcess", "sys_enter_clone|sys_enter_clone3|sys_enter_vfork", n, "",
        v -> pathProcess(v < 0)).slow();
    truth.failing(SELF + "pathThread", "sys_enter_clone|sys_enter_clone3", n,
        "java/lang/Thread.start0;", v -> {
          Thread thread = new Thread(() -> { });
          if (v < 0) thread.start();  // nobody starts twice
          pathThread(thread);
          thread.join();
        }).slow();
  }

  public static void main(String[] args) throws Exception {
    Truth truth = new Truth(args);
    files(truth);
    sockets(truth);
    pipes(truth);
    locks(truth);
    births(truth);
    truth.run();
  }

  private TruthIo() {}
}
