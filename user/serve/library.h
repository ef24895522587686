// SPDX-License-Identifier: Apache-2.0
// libmicrohttpd, loaded by the process that serves: linked, it would bring GnuTLS into every run,
// and run constructors with all of jtrace's rights.
#pragma once

#include <microhttpd.h>

#include "base/result.h"

namespace jtrace::serve {

// clang-format off: one list.
#define JT_HTTP_CALLS(X) \
  X(start_daemon) X(stop_daemon) X(run) X(get_timeout) X(get_daemon_info) X(get_connection_info) \
  X(get_connection_values) X(lookup_connection_value) X(queue_response) \
  X(create_response_from_buffer_with_free_callback_cls) X(add_response_header) X(destroy_response)
// clang-format on

struct Library {
#define JT_HTTP_MEMBER(name) decltype(&::MHD_##name) name = nullptr;
  JT_HTTP_CALLS(JT_HTTP_MEMBER)
#undef JT_HTTP_MEMBER
};

[[nodiscard]] Result<Library> load_library();

}  // namespace jtrace::serve
