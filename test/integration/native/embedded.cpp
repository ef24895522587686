// SPDX-License-Identifier: Apache-2.0
// A C++ program that makes a JVM in itself and runs a class's main in it, in its own main thread:
//
//   truth_embedded LIBJVM [JVM FLAG]... -- CLASS [ARG]...
#include <dlfcn.h>
#include <jni.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace {

using CreateJavaVm = jint (*)(JavaVM**, void**, void*);

JNIEnv* create(const char* libjvm, char** flag, char** end) {
  void* library = dlopen(libjvm, RTLD_NOW);
  if (library == nullptr) return nullptr;
  const auto function = reinterpret_cast<CreateJavaVm>(dlsym(library, "JNI_CreateJavaVM"));
  std::vector<JavaVMOption> options;
  for (; flag != end; ++flag) options.push_back({*flag, nullptr});
  JavaVMInitArgs arguments{JNI_VERSION_1_8, static_cast<jint>(options.size()), options.data(),
                           JNI_FALSE};
  JavaVM* vm = nullptr;
  void* env = nullptr;
  if (function == nullptr || function(&vm, &env, &arguments) != JNI_OK) return nullptr;
  return static_cast<JNIEnv*>(env);
}

bool run_main(JNIEnv* env, const char* name, char** argument, char** end) {
  jclass type = env->FindClass(name);
  if (type == nullptr) return false;
  jmethodID main = env->GetStaticMethodID(type, "main", "([Ljava/lang/String;)V");
  jobjectArray strings = env->NewObjectArray(static_cast<jsize>(end - argument),
                                             env->FindClass("java/lang/String"), nullptr);
  for (jsize i = 0; argument != end; ++i, ++argument) {
    env->SetObjectArrayElement(strings, i, env->NewStringUTF(*argument));
  }
  env->CallStaticVoidMethod(type, main, strings);
  return env->ExceptionCheck() == JNI_FALSE;
}

}  // namespace

int main(int argc, char** argv) {
  char** const end = argv + argc;
  char** const dashes = std::find(argv, end, std::string_view("--"));
  if (dashes - argv < 2 || end - dashes < 2) return 2;
  JNIEnv* env = create(argv[1], argv + 2, dashes);
  if (env == nullptr) {
    std::fprintf(stderr, "%s: no JVM: %s\n", argv[1], dlerror());
    return 1;
  }
  if (run_main(env, dashes[1], dashes + 2, end)) return 0;
  env->ExceptionDescribe();
  return 1;
}
