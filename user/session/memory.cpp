// SPDX-License-Identifier: Apache-2.0
#include "session/memory.h"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <sstream>

#include "base/file.h"
#include "base/sanitized.h"

namespace jtrace::session {
namespace {

// Of a new window until it has met anything, and of what a turn takes.
constexpr std::uint64_t kRoom = 16U << 20;
constexpr std::uint64_t kMiB = 1U << 20;
// What a window has met is 4 bytes a frame, and becomes text when it is rendered: measured for
// collapsed text, the largest, of 60 frames a stack and 40 letters a name.
constexpr std::uint64_t kGrows = 16;
constexpr std::uint64_t kMargin = 8;  // of which one part is for what one turn brings

}  // namespace

Resident resident() {
  constexpr std::size_t kLimit = 4096;
  const auto text = read_file("/proc/self/statm", kLimit);
  std::istringstream words(text.value_or(""));
  std::uint64_t size = 0;
  std::uint64_t all = 0;
  std::uint64_t shared = 0;
  words >> size >> all >> shared;
  // A sanitizer's shadow of memory, and what it puts around each piece, is not ours.
  constexpr std::uint64_t kOurPart = kSanitized ? 3 : 1;
  const std::uint64_t page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / kOurPart;
  return {.all = all * page, .own = (all - std::min(all, shared)) * page};
}

std::uint32_t MemoryLimit::rows(std::uint32_t most) const {
  // 8 bytes a row.
  constexpr std::uint64_t kPart = 8;
  if (most_ == 0) return most;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(most, most_ / kPart / sizeof(jt_row)));
}

// They come as bytes first, so that they take twice as much for a moment. What has no name is still
// counted; where there is no room for a stack it is lost.
std::size_t MemoryLimit::symbol_bytes(std::size_t most) const {
  constexpr std::uint64_t kPart = 8;
  return most_ == 0 ? most : std::min<std::uint64_t>(most, most_ / kPart);
}

bool MemoryLimit::has_room_ahead() const {
  constexpr std::uint64_t kPart = 4;
  return most_ == 0 || resident().own < most_ / kPart;
}

void MemoryLimit::size(capture::CaptureConfig& config) const {
  if (most_ == 0) return;
  // Twice 160 bytes a stack; the ring is twice as large where processes come while tracing.
  constexpr std::uint64_t kStacksPart = 16;
  constexpr std::uint64_t kRingPart = 32;
  constexpr std::uint64_t kStackBytes = 320;
  constexpr std::uint64_t kFewStacks = 4096;
  const auto at_most = [](std::uint32_t& value, std::uint64_t limit) {
    value = static_cast<std::uint32_t>(std::min<std::uint64_t>(value, limit));
  };
  config.max_rows = rows(config.max_rows);
  constexpr std::uint64_t kRecallPart = 32;
  constexpr std::uint64_t kRecallBytes = 14336;
  constexpr std::uint64_t kFewRecalled = 64;
  at_most(config.max_recalled,
          std::max(kFewRecalled, std::bit_floor(most_ / kRecallPart / kRecallBytes)));
  at_most(config.max_counts, std::max(kFewStacks, most_ / kStacksPart / kStackBytes));
  at_most(config.ring_bytes, std::max(kMiB, std::bit_floor(most_ / kRingPart)));
}

Status MemoryLimit::check(std::uint64_t kernel_bytes) {
  kernel_ = kernel_bytes;
  if (most_ == 0) return {};
  const std::uint64_t needed = kernel_ + resident().own + kRoom;
  if (needed <= most_) return {};
  return fail(Errc::Usage,
              fmt::format("--max-memory {}M: {} MiB are needed for these events and targets, {} of "
                          "them for the kernel's tables",
                          most_ / kMiB, needed / kMiB + 1, kernel_ / kMiB),
              fmt::format("give it {}M or more, or trace fewer processes", needed / kMiB + 1));
}

bool MemoryLimit::reached(Clock::time_point now, std::uint64_t met) {
  constexpr std::chrono::milliseconds kEvery{2};
  if (most_ == 0 || now < next_) return false;
  next_ = now + kEvery;
  return kernel_ + resident().own + kGrows * met >= most_ - most_ / kMargin;
}

bool MemoryLimit::has_room_for(std::uint64_t met) const {
  // Of jtrace's own JSON, which names a frame once, and of what it is made of.
  constexpr std::uint64_t kLook = 4;
  return most_ == 0 || kernel_ + resident().own + (kGrows + kLook) * met < most_ - most_ / kMargin;
}

bool MemoryLimit::is_close() const { return most_ != 0 && kernel_ + resident().own >= most_ / 2; }

void MemoryLimit::give_back() { ::malloc_trim(0); }

}  // namespace jtrace::session
