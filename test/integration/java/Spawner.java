// SPDX-License-Identifier: Apache-2.0
// Starts processes:
//
//   java truth.Spawner TIMES
//
// Prints "ready", waits for one byte on standard input, has launch() start /bin/true as often, one
// after the other, and ends.
package truth;

public final class Spawner {
  static void launch() throws Exception {
    int status = new ProcessBuilder("/bin/true").start().waitFor();
    if (status != 0) throw new IllegalStateException("status " + status);
  }

  public static void main(String[] args) throws Exception {
    System.out.print("ready\n");
    System.out.flush();
    if (System.in.read() < 0) return;
    for (int i = Integer.parseInt(args[0]); i > 0; i--) {
      launch();
    }
  }
}
