// SPDX-License-Identifier: Apache-2.0
package truth;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;

/** Makes classes whose name begins with a prefix anew, from the bytes that its parent has. */
final class TruthLoader extends ClassLoader {
  private final String prefix;
  private final String announced;  // loading this class makes one call

  TruthLoader(String prefix, String announced) {
    super(TruthLoader.class.getClassLoader());
    this.prefix = prefix;
    this.announced = announced;
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith(prefix)) return super.loadClass(name, resolve);
    synchronized (getClassLoadingLock(name)) {
      Class<?> known = findLoadedClass(name);
      return known != null ? known : findClass(name);
    }
  }

  @Override
  protected Class<?> findClass(String name) throws ClassNotFoundException {
    if (name.equals(announced)) Truth.leaf();
    try {
      byte[] code = bytes(name);
      return defineClass(name, code, 0, code.length);
    } catch (IOException e) {
      throw new ClassNotFoundException(name, e);
    }
  }

  static byte[] bytes(String name) throws IOException {
    String file = "/" + name.replace('.', '/') + ".class";
    try (InputStream in = TruthLoader.class.getResourceAsStream(file)) {
      if (in == null) throw new IOException("no " + file);
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      byte[] some = new byte[4096];
      for (int n = in.read(some); n >= 0; n = in.read(some)) out.write(some, 0, n);
      return out.toByteArray();
    }
  }

  Object make(String name) throws ReflectiveOperationException {
    return loadClass(name).getConstructor().newInstance();
  }
}
