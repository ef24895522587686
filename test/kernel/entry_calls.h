// SPDX-License-Identifier: Apache-2.0
// A process that makes known system calls in every way there is: as they are, under seccomp, under
// ptrace, by other ABIs.
#pragma once

#include <sys/types.h>

#include <functional>
#include <utility>

#include "base/result.h"

namespace jtrace::test {

// Of close(), as their only argument; no such descriptor is open.
constexpr long kTaken = 7001, kOther = 7002, kChanged = 7003, kReplaced = 7004, kFromOther = 7005;

// Runs `calls` in a child, after `ready` was told its pid. What it returns is the exit status.
[[nodiscard]] Result<int> in_child(const std::function<int()>& calls,
                                   const std::function<Status(pid_t)>& ready);
// The same under a tracer, which skips close(kOther), makes close(kTaken) of close(kChanged) and of
// getppid(kFromOther), and getppid() of close(kReplaced).
[[nodiscard]] Result<int> in_traced_child(const std::function<int()>& calls,
                                          const std::function<Status(pid_t)>& ready);

// Each with an argument, so often.
void close_often(long argument, int times);
enum class CallOf { Getpgid, Mmap, Mprotect, Mremap };
void call_often(CallOf call, int times);
// close(kOther) fails from now on.
[[nodiscard]] bool refuse_other();
// By int 0x80, and by the number that x32 has for it.
void close_by_other_abis(int times);
// The number's upper half is not 0. 0 where the kernel takes it for a close, 1 where for no call.
[[nodiscard]] int close_by_long_number(int times);
void gettimeofday_by_vsyscall(int times);
// Nanoseconds that one takes: getppid(), close(-1).
[[nodiscard]] std::pair<double, double> time_calls(int times);

}  // namespace jtrace::test
