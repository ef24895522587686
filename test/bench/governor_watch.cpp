// SPDX-License-Identifier: Apache-2.0
// governor_watch PID MILLISECONDS: what the governor of a running jtrace does, seen from outside: a
// line each millisecond with the time in nanoseconds, events decided, events kept of these, the
// ratio, nanoseconds in BPF programs (measured, scaled), of CPU of the process, its balance, and of
// the programs' those for events that were left out. Reads the memory that jtrace shares with its
// programs, so that watching costs it nothing. Needs root.
#include <bpf/bpf.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "bpf/jtrace_abi.h"
// Needs the types before it.
#include "jtrace_bpf.skel.h"

namespace {

using Bss = jtrace_bpf::jtrace_bpf__bss;

std::uint64_t nanoseconds(clockid_t clock) {
  timespec at{};
  ::clock_gettime(clock, &at);
  return static_cast<std::uint64_t>(at.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(at.tv_nsec);
}

// Of this process: another's map may be there, of a jtrace that runs, or of one that ended and
// whose programs the kernel has not freed yet.
int find_state(const std::string& pid) {
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + pid + "/fdinfo", gone)) {
    std::ifstream lines(entry.path());
    std::string word;
    std::uint32_t id = 0;
    while (lines >> word && word != "map_id:") {
    }
    if (!(lines >> id)) continue;
    const int fd = ::bpf_map_get_fd_by_id(id);
    bpf_map_info info{};
    std::uint32_t size = sizeof(info);
    if (fd >= 0 && ::bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
        std::string(info.name) == "jtrace_b.bss") {
      return fd;
    }
    if (fd >= 0) ::close(fd);
  }
  return -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int fd = find_state(argv[1]);
  void* at = fd < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(Bss), PROT_READ, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) {
    std::perror("governor_watch");
    return 1;
  }
  const volatile jt_governor& governor = static_cast<const Bss*>(at)->governor;
  clockid_t cpu{};
  if (::clock_getcpuclockid(std::atoi(argv[1]), &cpu) != 0) return 1;
  const std::uint64_t start = nanoseconds(CLOCK_MONOTONIC);
  constexpr std::uint64_t kTurn = 1'000'000;
  for (long turn = 1; turn <= std::atol(argv[2]); ++turn) {
    const std::uint64_t next = start + static_cast<std::uint64_t>(turn) * kTurn;
    const timespec when{.tv_sec = static_cast<time_t>(next / 1'000'000'000),
                        .tv_nsec = static_cast<long>(next % 1'000'000'000)};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr);
    std::printf("%llu %llu %llu %u %llu %llu %lld %llu\n",
                static_cast<unsigned long long>(nanoseconds(CLOCK_MONOTONIC)),
                governor.decided[JT_RUN_OUT] + governor.decided[JT_RUN_KEPT],
                governor.decided[JT_RUN_KEPT], governor.ratio,
                governor.time_ns[JT_RUN_OUT] + governor.time_ns[JT_RUN_KEPT],
                static_cast<unsigned long long>(nanoseconds(cpu)), governor.balance,
                governor.time_ns[JT_RUN_OUT]);
  }
  return 0;
}
