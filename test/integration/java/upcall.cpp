// SPDX-License-Identifier: Apache-2.0
// The native side of TruthOpens: C++ that calls back into Java, and C++ that opens itself. Built in
// several ways: as usual, and such that its frames, or their names, are hard to find.
#include <fcntl.h>
#include <jni.h>
#include <unistd.h>

// A symbol of its own, which no dynamic symbol table has.
[[gnu::noinline]] static bool truth_open_file(const char* file) {
  const int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  close(fd);
  return true;
}

extern "C" {

JNIEXPORT void JNICALL Java_truth_TruthOpens_upcall(JNIEnv* env, jclass truth, jstring file) {
  jmethodID upcalled = env->GetStaticMethodID(truth, "upcalled", "(Ljava/lang/String;)V");
  if (upcalled == nullptr) return;  // the pending exception says so
  env->CallStaticVoidMethod(truth, upcalled, file);
}

JNIEXPORT void JNICALL Java_truth_TruthOpens_direct(JNIEnv* env, jclass /*truth*/, jstring file) {
  const char* text = env->GetStringUTFChars(file, nullptr);
  if (text == nullptr) return;
  const bool opened = truth_open_file(text);
  env->ReleaseStringUTFChars(file, text);
  if (!opened) env->ThrowNew(env->FindClass("java/io/IOException"), "cannot open");
}

}  // extern "C"
