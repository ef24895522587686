// SPDX-License-Identifier: Apache-2.0
// Whether a sanitizer watches this build. It needs what jtrace denies its processes: addresses by
// the terabyte, a report to write, ptrace and a process of its own to look for leaks. What is left
// open for it is open in such a build only.
#pragma once

#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace jtrace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

// For a forked process that works for long and must not run its parent's handlers, one of which
// looks for leaks. Not for one that may be killed at any time: the search, a process itself,
// reports that.
[[noreturn]] inline void end_process(int status) {
#if defined(__SANITIZE_ADDRESS__)
  __lsan_do_leak_check();
#endif
  ::_exit(status);
}

}  // namespace jtrace
