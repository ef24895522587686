// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <utility>

namespace jtrace::capture {

// Tracepoints of bpf/lifecycle.bpf.h's programs; those of bpf/processes.bpf.h need no tracefs, in
// the order of Capture::attach_lifecycle.
inline constexpr std::array<std::pair<const char*, const char*>, 6> kLifecycleTracepoints{{
    {"syscalls", "sys_enter_mmap"},
    {"syscalls", "sys_exit_mmap"},
    {"syscalls", "sys_enter_mprotect"},
    {"syscalls", "sys_exit_mprotect"},
    {"syscalls", "sys_enter_mremap"},
    {"syscalls", "sys_exit_mremap"},
}};

}  // namespace jtrace::capture
