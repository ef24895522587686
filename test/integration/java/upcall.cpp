// SPDX-License-Identifier: Apache-2.0
// The native side of TruthOpens.pathUpcall: C++ that calls back into Java.
#include <jni.h>

extern "C" JNIEXPORT void JNICALL Java_truth_TruthOpens_upcall(JNIEnv* env, jclass truth,
                                                               jstring file) {
  jmethodID upcalled = env->GetStaticMethodID(truth, "upcalled", "(Ljava/lang/String;)V");
  if (upcalled == nullptr) return;  // the pending exception says so
  env->CallStaticVoidMethod(truth, upcalled, file);
}
