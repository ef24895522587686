// SPDX-License-Identifier: Apache-2.0
// libcurl, loaded by who sends: linked, it and the 28 libraries that it brings would cost every run
// 5 ms and 6 MB, and run their constructors with all of jtrace's rights.
#pragma once

#include <curl/curl.h>

#include "base/result.h"

namespace jtrace::push {

// clang-format off: it never comes to an end with this.
#define JT_CURL_CALLS(X) \
  X(free) X(url) X(url_cleanup) X(url_set) X(url_get) X(slist_append) \
  X(slist_free_all) X(global_init) X(easy_init) X(easy_cleanup) X(easy_setopt) \
  X(easy_getinfo) X(easy_perform) X(easy_strerror) X(multi_init) X(multi_cleanup) \
  X(multi_add_handle) X(multi_remove_handle) X(multi_perform) X(multi_poll) \
  X(multi_info_read)
// clang-format on

struct LibCurl {
#define JT_CURL_MEMBER(name) decltype(&::curl_##name) name = nullptr;
  JT_CURL_CALLS(JT_CURL_MEMBER)
#undef JT_CURL_MEMBER
};

// Before anything else of it is called.
[[nodiscard]] Status load_libcurl();

[[nodiscard]] const LibCurl& curl();

}  // namespace jtrace::push
