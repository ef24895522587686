// SPDX-License-Identifier: Apache-2.0
// Ways to call: megamorphic sites, method handles, lambdas, reflection, proxies, hidden classes.
package truth;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.MutableCallSite;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.security.AccessController;
import java.security.PrivilegedExceptionAction;
import java.util.Arrays;
import java.util.TreeMap;
import java.util.function.IntConsumer;

final class TruthDispatch {
  interface Shape {
    void draw(int x);

    default void drawTwice(int x) { draw(x + 1); }
  }

  abstract static class Base implements Shape {
    void area(int x) { draw(x); }
  }

  static final class A extends Base {
    @Override
    public void draw(int x) { Truth.leaf(); }
  }

  static class B extends Base {
    @Override
    public void draw(int x) { Truth.leaf(); }
  }

  static final class C extends B {
    @Override
    public void draw(int x) { super.draw(x); }
  }

  static final class D extends Base {
    @Override
    public void draw(int x) { Truth.leaf(); }

    @Override
    void area(int x) { super.area(x); }
  }

  static final class E extends Base {
    @Override
    public void draw(int x) { Truth.leaf(); }

    @Override
    public void drawTwice(int x) { draw(x); }
  }

  static final class F implements Shape {
    @Override
    public void draw(int x) { Truth.leaf(); }
  }

  static final Base[] CLASSES = {new A(), new B(), new C(), new D(), new E()};
  static final Shape[] SHAPES = {new A(), new B(), new C(), new D(), new E(), new F()};

  static void pathVirtual(int v) { CLASSES[v].area(v); }

  static void pathInterface(int v) { SHAPES[v].draw(v); }

  static void pathDefault(int v) { SHAPES[v].drawTwice(v); }

  static final IntConsumer[] LAMBDAS = lambdas();

  static IntConsumer[] lambdas() {
    Shape shape = new A();
    IntConsumer inner = x -> Truth.leaf();
    return new IntConsumer[] {
        x -> Truth.leaf(), x -> shape.draw(x), shape::draw, TruthDispatch::target,
        x -> inner.accept(x), inner.andThen(x -> { })};
  }

  static void pathLambda(int v) { LAMBDAS[v].accept(v); }

  static void pathStream(int v) {
    Arrays.asList(v, v + 1).stream().filter(x -> x == v).map(x -> x + 1).forEach(x -> Truth.leaf());
  }

  static void pathComparator(int v) {
    TreeMap<Integer, String> map = new TreeMap<>((a, b) -> {
      if (!a.equals(b)) Truth.leaf();
      return a.compareTo(b);
    });
    map.put(v, "first");
    map.put(v + 1, "second");
  }

  static void target(int x) { Truth.leaf(); }

  static int guarded(int x) {
    Truth.leaf();
    return x;
  }

  static boolean even(int x) { return (x & 1) == 0; }

  static Object spread(Object... all) {
    Truth.leaf();
    return all.length;
  }

  // ------------------------------------------------------------------ method handles

  static final MethodHandle CONSTANT = find("target", void.class, int.class);
  static final MethodHandle GUARD = MethodHandles.guardWithTest(
      find("even", boolean.class, int.class), find("guarded", int.class, int.class),
      MethodHandles.filterReturnValue(
          find("guarded", int.class, int.class), MethodHandles.identity(int.class)));
  static final MethodHandle[] VARIOUS = various();
  static final MutableCallSite SITE = new MutableCallSite(CONSTANT);
  static final MethodHandle THROUGH_SITE = SITE.dynamicInvoker();

  static MethodHandle find(String name, Class<?> result, Class<?>... arguments) {
    try {
      return MethodHandles.lookup().findStatic(
          TruthDispatch.class, name, MethodType.methodType(result, arguments));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  static MethodHandle[] various() {
    try {
      MethodHandle draw = MethodHandles.lookup().findVirtual(
          Shape.class, "draw", MethodType.methodType(void.class, int.class));
      return new MethodHandle[] {CONSTANT, draw.bindTo(new F()),
          MethodHandles.insertArguments(
              MethodHandles.dropArguments(CONSTANT, 0, String.class), 0, "dropped"),
          MethodHandles.filterArguments(CONSTANT, 0, MethodHandles.identity(int.class))};
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  static void pathHandle(int v) throws Throwable { CONSTANT.invokeExact(v); }

  static void pathHandleAny(int v) throws Throwable { VARIOUS[v].invokeExact(v); }

  static void pathHandleGuard(int v) throws Throwable { int x = (int) GUARD.invokeExact(v); }

  static void pathHandleGeneric(int v) throws Throwable {
    Object x = find("spread", Object.class, Object[].class).invoke(v, "x", 2L);
  }

  static void pathHandleSite(int v) throws Throwable { THROUGH_SITE.invokeExact(v); }

  static void pathHandleArguments(int v) throws Throwable { CONSTANT.invokeWithArguments(v); }

  static final Runnable HANDLE_PROXY = MethodHandleProxies.asInterfaceInstance(
      Runnable.class, MethodHandles.insertArguments(CONSTANT, 0, 1));

  static void pathHandleProxy(int v) { HANDLE_PROXY.run(); }

  // ------------------------------------------------------------------ reflection

  static final class Made {
    Made() { Truth.leaf(); }
  }

  static final Method METHOD;
  static final Method INTERFACE_METHOD;
  static final Constructor<Made> CONSTRUCTOR;

  static {
    try {
      METHOD = TruthDispatch.class.getDeclaredMethod("target", int.class);
      INTERFACE_METHOD = Shape.class.getMethod("draw", int.class);
      CONSTRUCTOR = Made.class.getDeclaredConstructor();
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  static void pathReflection(int v) throws ReflectiveOperationException { METHOD.invoke(null, v); }

  static void pathReflectionInterface(int v) throws ReflectiveOperationException {
    INTERFACE_METHOD.invoke(SHAPES[v], v);
  }

  static void pathConstructor(int v) throws ReflectiveOperationException {
    CONSTRUCTOR.newInstance();
  }

  static final Shape PROXY = (Shape) Proxy.newProxyInstance(TruthDispatch.class.getClassLoader(),
      new Class<?>[] {Shape.class}, new InvocationHandler() {
        @Override
        public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
          return method.invoke(SHAPES[(Integer) arguments[0] % SHAPES.length], arguments);
        }
      });

  static void pathProxy(int v) { PROXY.draw(v); }

  @SuppressWarnings({"deprecation", "removal"})
  static void pathPrivileged(int v) throws Exception {
    AccessController.doPrivileged((PrivilegedExceptionAction<Void>) () -> {
      Truth.leaf();
      return null;
    });
  }

  // Compiled with the others, and defined again without a name (JDK 15 on).
  static final class Hidden implements IntConsumer {
    @Override
    public void accept(int x) { Truth.leaf(); }
  }

  static IntConsumer hidden() throws Exception {
    byte[] code = TruthLoader.bytes("truth.TruthDispatch$Hidden");
    Class<?> option = Class.forName("java.lang.invoke.MethodHandles$Lookup$ClassOption");
    Method define = MethodHandles.Lookup.class.getMethod("defineHiddenClass", byte[].class,
        boolean.class, java.lang.reflect.Array.newInstance(option, 0).getClass());
    MethodHandles.Lookup lookup = (MethodHandles.Lookup) define.invoke(
        MethodHandles.lookup(), code, true, java.lang.reflect.Array.newInstance(option, 0));
    Constructor<?> constructor = lookup.lookupClass().getDeclaredConstructor();
    constructor.setAccessible(true);
    return (IntConsumer) constructor.newInstance();
  }

  static IntConsumer[] hiddens;

  static void pathHidden(int v) { hiddens[v].accept(v); }

  public static void main(String[] args) throws Exception {
    Truth truth = new Truth(args);
    String self = "truth/TruthDispatch.";
    truth.path(self + "pathVirtual", CLASSES.length, TruthDispatch::pathVirtual);
    truth.path(self + "pathInterface", SHAPES.length, TruthDispatch::pathInterface);
    truth.path(self + "pathDefault", SHAPES.length, TruthDispatch::pathDefault);
    truth.path(self + "pathLambda", LAMBDAS.length, TruthDispatch::pathLambda);
    truth.path(self + "pathStream", 1, TruthDispatch::pathStream);
    truth.path(self + "pathComparator", 1, TruthDispatch::pathComparator);
    truth.path(self + "pathHandle", 1, TruthDispatch::pathHandle);
    truth.path(self + "pathHandleAny", VARIOUS.length, TruthDispatch::pathHandleAny);
    truth.path(self + "pathHandleGuard", 2, TruthDispatch::pathHandleGuard);
    truth.path(self + "pathHandleGeneric", 1, TruthDispatch::pathHandleGeneric);
    truth.path(self + "pathHandleSite", 1, TruthDispatch::pathHandleSite);
    truth.path(self + "pathHandleArguments", 1, TruthDispatch::pathHandleArguments);
    truth.path(self + "pathHandleProxy", 1, TruthDispatch::pathHandleProxy);
    truth.path(self + "pathReflection", 1, TruthDispatch::pathReflection);
    truth.path(self + "pathReflectionInterface", SHAPES.length,
        TruthDispatch::pathReflectionInterface);
    truth.path(self + "pathConstructor", 1, TruthDispatch::pathConstructor);
    truth.path(self + "pathProxy", SHAPES.length, TruthDispatch::pathProxy);
    truth.path(self + "pathPrivileged", 1, TruthDispatch::pathPrivileged);
    if (Truth.version() >= 15) {
      hiddens = new IntConsumer[] {hidden(), hidden(), hidden(), hidden()};
      truth.path(self + "pathHidden", hiddens.length, TruthDispatch::pathHidden);
    }
    truth.run();
  }

  private TruthDispatch() {}
}
