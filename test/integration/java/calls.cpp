// SPDX-License-Identifier: Apache-2.0
// The native side of the Truth programs.
#include <fcntl.h>
#include <jni.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>

// Versions that glibc 2.31 has, too: JDK 11 runs with that.
__asm__(".symver pthread_create,pthread_create@GLIBC_2.2.5");
__asm__(".symver pthread_join,pthread_join@GLIBC_2.2.5");

namespace {

JavaVM* g_vm = nullptr;

void in_thread(void* (*function)(void*), void* argument) {
  pthread_t thread{};
  if (pthread_create(&thread, nullptr, function, argument) == 0) pthread_join(thread, nullptr);
}

void call_static(JNIEnv* env, jclass truth, const char* name, jint levels) {
  jmethodID method = env->GetStaticMethodID(truth, name, "(I)V");
  if (method != nullptr) env->CallStaticVoidMethod(truth, method, levels);
}

void on_signal(int) { getppid(); }

}  // namespace

extern "C" {

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM* vm, void*) {
  g_vm = vm;
  return JNI_VERSION_1_8;
}

JNIEXPORT void JNICALL Java_truth_Truth_call(JNIEnv*, jclass) { getppid(); }

JNIEXPORT void JNICALL Java_truth_TruthNative_down(JNIEnv* env, jclass truth, jint levels) {
  call_static(env, truth, "up", levels);
}

JNIEXPORT void JNICALL Java_truth_TruthNative_downLocked(JNIEnv* env, jclass truth, jint levels) {
  call_static(env, truth, "up", levels);
}

JNIEXPORT void JNICALL Java_truth_TruthNative_construct(JNIEnv* env, jclass, jclass made) {
  jmethodID constructor = env->GetMethodID(made, "<init>", "()V");
  if (constructor != nullptr) env->DeleteLocalRef(env->NewObject(made, constructor));
}

JNIEXPORT void JNICALL Java_truth_TruthNative_nonvirtual(JNIEnv* env, jclass, jobject self) {
  jclass type = env->GetObjectClass(self);
  jmethodID method = env->GetMethodID(type, "virtualUp", "()V");
  if (method != nullptr) env->CallNonvirtualVoidMethod(self, type, method);
}

JNIEXPORT jlong JNICALL Java_truth_TruthNative_manyArguments(JNIEnv* env, jclass truth, jint a,
                                                             jdouble b, jlong c, jfloat d,
                                                             jobject e, jlong f, jdouble g, jlong h,
                                                             jdouble i, jdouble j, jdouble k,
                                                             jdouble l, jdouble m, jdouble n,
                                                             jlong o, jint p, jbyteArray q) {
  jmethodID method =
      env->GetStaticMethodID(truth, "upMany", "(IDJFLjava/lang/Object;JDJDDDDDDJI[B)J");
  if (method == nullptr) return 0;
  return env->CallStaticLongMethod(truth, method, a, b, c, static_cast<jdouble>(d), e, f, g, h, i,
                                   j, k, l, m, n, o, p, q);
}

// A thread that the JVM does not know calls up into Java.
static void* truth_attached_thread(void* argument) {
  JNIEnv* env = nullptr;
  if (g_vm->AttachCurrentThread(reinterpret_cast<void**>(&env), nullptr) != JNI_OK) return nullptr;
  auto* truth = static_cast<jclass>(argument);
  jmethodID method = env->GetStaticMethodID(truth, "pathAttached", "()V");
  if (method != nullptr) env->CallStaticVoidMethod(truth, method);
  g_vm->DetachCurrentThread();
  return nullptr;
}

JNIEXPORT void JNICALL Java_truth_TruthNative_attached(JNIEnv* env, jclass truth) {
  auto global = static_cast<jclass>(env->NewGlobalRef(truth));
  in_thread(truth_attached_thread, global);
  env->DeleteGlobalRef(global);
}

// A thread of the library's own: no Java at all.
__attribute__((noinline)) int truth_native_call() { return getppid() != 0 ? 1 : 0; }

__attribute__((noinline)) int truth_native_deep(int left) {
  volatile int result = left == 0 ? truth_native_call() : truth_native_deep(left - 1);
  return result + 1;
}

static void* truth_library_thread(void* argument) {
  volatile int sum = 0;
  for (auto i = reinterpret_cast<std::intptr_t>(argument); i > 0; --i) {
    sum = sum + truth_native_deep(2);
  }
  return nullptr;
}

JNIEXPORT void JNICALL Java_truth_TruthNative_libraryThread(JNIEnv*, jclass, jint calls) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a thread's argument is a pointer
  in_thread(truth_library_thread, reinterpret_cast<void*>(static_cast<std::intptr_t>(calls)));
}

// The call is made by a signal's handler, on the thread's stack or one of its own.
JNIEXPORT void JNICALL Java_truth_TruthNative_signal(JNIEnv*, jclass, jboolean own_stack) {
  static std::array<char, 65536> stack;
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = own_stack != 0 ? SA_ONSTACK : 0;
  stack_t now{};
  now.ss_sp = stack.data();
  now.ss_size = stack.size();
  stack_t before{};
  sigaltstack(&now, &before);
  sigaction(SIGURG, &action, nullptr);
  syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGURG);
  sigaltstack(&before, nullptr);
}

// Foreign functions: calls back, or makes the call itself.
__attribute__((visibility("default"))) void truth_call_back(void (*function)()) {
  if (function != nullptr) {
    function();
  } else {
    getppid();
  }
}

// ---- TruthIo: the object's descriptor turns into one that nothing can be done with
JNIEXPORT void JNICALL Java_truth_TruthIo_breakDescriptor(JNIEnv* env, jclass, jobject descriptor) {
  jfieldID field = env->GetFieldID(env->GetObjectClass(descriptor), "fd", "I");
  if (field == nullptr) return;
  const int broken = open("/proc/self/exe", O_PATH | O_CLOEXEC);
  dup2(broken, env->GetIntField(descriptor, field));
  close(broken);
}

JNIEXPORT jobject JNICALL Java_truth_TruthIo_field(JNIEnv* env, jclass, jobject of, jstring name,
                                                   jstring type) {
  const char* name_text = env->GetStringUTFChars(name, nullptr);
  const char* type_text = env->GetStringUTFChars(type, nullptr);
  jfieldID field = env->GetFieldID(env->GetObjectClass(of), name_text, type_text);
  env->ReleaseStringUTFChars(name, name_text);
  env->ReleaseStringUTFChars(type, type_text);
  return field == nullptr ? nullptr : env->GetObjectField(of, field);
}

JNIEXPORT jintArray JNICALL Java_truth_TruthIo_pipe(JNIEnv* env, jclass) {
  std::array<jint, 2> ends{};
  if (pipe(ends.data()) != 0) return nullptr;
  jintArray result = env->NewIntArray(2);
  if (result != nullptr) env->SetIntArrayRegion(result, 0, 2, ends.data());
  return result;
}

}  // extern "C"
