// SPDX-License-Identifier: Apache-2.0
#include "process/memory.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace jtrace::process {

bool ProcessMemory::read(ProcessAddr from, std::span<std::byte> into) const {
  while (!into.empty()) {
    const iovec local{into.data(), into.size()};
    const iovec remote{reinterpret_cast<void*>(from.value), into.size()};
    const ssize_t n = ::process_vm_readv(tgid_, &local, 1, &remote, 1, 0);
    // The call returns short at a page that cannot be read; asking again from there says so, and
    // also carries on where the kernel had cut a large request.
    if (n <= 0) return false;
    from.value += static_cast<std::uint64_t>(n);
    into = into.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

std::optional<std::string> read_c_string(const MemoryReader& memory, ProcessAddr from,
                                         std::size_t limit) {
  // Never across a page before the string is known to go on there: the next page may be unmapped.
  constexpr std::uint64_t kPage = 4096;
  constexpr std::uint64_t kChunk = 256;
  std::string text;
  std::array<std::byte, kChunk> chunk;
  // One byte more than the limit: the NUL of a string that just fits.
  while (text.size() <= limit) {
    const std::uint64_t left_in_page = kPage - from.value % kPage;
    const std::uint64_t wanted =
        std::min({kChunk, left_in_page, std::uint64_t{limit - text.size()} + 1});
    const auto part = std::span(chunk).first(static_cast<std::size_t>(wanted));
    if (!memory.read(from, part)) return std::nullopt;
    const auto end = std::ranges::find(part, std::byte{0});
    text.append(reinterpret_cast<const char*>(part.data()),
                static_cast<std::size_t>(end - part.begin()));
    if (end != part.end()) return text;
    if (from.value + wanted < from.value) return std::nullopt;
    from.value += wanted;
  }
  return std::nullopt;
}

}  // namespace jtrace::process
