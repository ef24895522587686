// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/threads.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr std::size_t kMaxThreads = 65'536;

std::vector<std::uint64_t> addresses(const process::MemoryReader& memory,
                                     const ThreadsLayout& layout) {
  std::vector<std::uint64_t> threads;
  std::uint64_t at = memory.read<std::uint64_t>(layout.list).value_or(0);
  if (layout.is_chain) {
    while (at != 0 && threads.size() < kMaxThreads) {
      threads.push_back(at);
      at = memory.read<std::uint64_t>(ProcessAddr{at + layout.next}).value_or(0);
    }
    return threads;
  }
  if (at == 0) return threads;
  const auto length = memory.read<std::uint32_t>(ProcessAddr{at + layout.length}).value_or(0);
  const auto array = memory.read<std::uint64_t>(ProcessAddr{at + layout.threads}).value_or(0);
  threads.resize(std::min<std::size_t>(length, kMaxThreads));
  if (!memory.read(ProcessAddr{array}, std::as_writable_bytes(std::span(threads)))) return {};
  return threads;
}

}  // namespace

std::unordered_map<pid_t, ProcessAddr> read_java_threads(const process::MemoryReader& memory,
                                                         const ThreadsLayout& layout) {
  std::unordered_map<pid_t, ProcessAddr> threads;
  for (const std::uint64_t thread : addresses(memory, layout)) {
    const auto os = memory.read<std::uint64_t>(ProcessAddr{thread + layout.osthread});
    if (!os || *os == 0) continue;
    const auto id = memory.read<pid_t>(ProcessAddr{*os + layout.thread_id.offset});
    if (id && *id > 0) threads.emplace(*id, ProcessAddr{thread});
  }
  return threads;
}

}  // namespace jtrace::jvmsym::hotspot
