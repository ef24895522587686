// SPDX-License-Identifier: Apache-2.0
// Another user of a tracepoint: counts its events of one process, as `perf stat -e EVENT -p PID`.
#pragma once

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::test {

class PerfCounter {
 public:
  // Of those that it makes from now on, its children's included.
  [[nodiscard]] static Result<PerfCounter> open(std::uint64_t tracepoint, pid_t pid) {
    perf_event_attr attr{};
    attr.size = sizeof(attr);
    attr.type = PERF_TYPE_TRACEPOINT;
    attr.config = tracepoint;
    attr.inherit = 1;
    UniqueFd fd(
        static_cast<int>(::syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!fd.valid()) return fail(Errc::Internal, errno_text("perf_event_open", errno));
    return PerfCounter(std::move(fd));
  }
  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t value = 0;
    return ::read(fd_.get(), &value, sizeof(value)) == sizeof(value) ? value : ~0ULL;
  }

 private:
  explicit PerfCounter(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace jtrace::test
