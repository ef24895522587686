// SPDX-License-Identifier: Apache-2.0
#include "serve/library.h"

#include <dlfcn.h>

#include <string>

namespace jtrace::serve {
namespace {

// dlerror() has the words for what failed last.
std::unexpected<Error> cannot_load() {
  const char* why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): one thread
  return fail(Errc::Internal,
              std::string("load libmicrohttpd: ") + (why != nullptr ? why : "no reason"),
              "install libmicrohttpd12, or leave --metrics and --serve out");
}

}  // namespace

Result<Library> load_library() {
  void* const library = ::dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return cannot_load();
  Library loaded;
#define JT_HTTP_LOAD(name)                                                               \
  loaded.name = reinterpret_cast<decltype(loaded.name)>(::dlsym(library, "MHD_" #name)); \
  if (loaded.name == nullptr) return cannot_load();
  JT_HTTP_CALLS(JT_HTTP_LOAD)
#undef JT_HTTP_LOAD
  return loaded;
}

}  // namespace jtrace::serve
