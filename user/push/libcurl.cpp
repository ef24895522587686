// SPDX-License-Identifier: Apache-2.0
#include "push/libcurl.h"

#include <dlfcn.h>

#include <string>

namespace jtrace::push {
namespace {

LibCurl& calls() {
  static LibCurl loaded;
  return loaded;
}

// dlerror() has the words for what failed last.
std::unexpected<Error> cannot_load() {
  const char* why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): one thread
  return fail(Errc::Internal, std::string("load libcurl: ") + (why != nullptr ? why : "no reason"),
              "install libcurl4, or send the file by other means");
}

}  // namespace

Status load_libcurl() {
  if (calls().global_init != nullptr) return {};
  void* const library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return cannot_load();
  LibCurl loaded;
#define JT_CURL_LOAD(name)                                                                \
  loaded.name = reinterpret_cast<decltype(loaded.name)>(::dlsym(library, "curl_" #name)); \
  if (loaded.name == nullptr) return cannot_load();
  JT_CURL_CALLS(JT_CURL_LOAD)
#undef JT_CURL_LOAD
  calls() = loaded;
  return {};
}

const LibCurl& curl() { return calls(); }

}  // namespace jtrace::push
