// SPDX-License-Identifier: Apache-2.0
#include "session/jit_names.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <utility>

namespace jtrace::session {
namespace {

// As for perf maps: one part in 20 of the time at most.
constexpr int kRest = 20;
constexpr std::chrono::milliseconds kLeastRest{20};
// At once; the rest of a file that grows faster waits for the next turn.
constexpr int kMaxReads = 64;

// Whose process it is, or root, as for perf maps; what others wrote says nothing.
bool belongs(const UniqueFd& file, pid_t tgid) {
  const auto status = process::file_status(file.get());
  struct stat owner = {};
  return status && ::stat(fmt::format("/proc/{}", tgid).c_str(), &owner) == 0 &&
         S_ISREG(status->mode) && (status->uid == 0 || status->uid == owner.st_uid);
}

}  // namespace

void JitNames::look(std::span<const process::MapEntry> maps) {
  if (found()) return;
  const std::string name = fmt::format("/jit-{}.dump", info_.inner_tgid);
  const auto marker = std::ranges::find_if(maps, [&](const process::MapEntry& entry) {
    return entry.executable && entry.inode != 0 && entry.path.ends_with(name);
  });
  if (marker == maps.end()) return;
  auto file = process::find_mapped_file(info_.key.tgid, *marker);
  if (file && belongs(*file, info_.key.tgid)) file_ = std::move(*file);
}

void JitNames::forget() {
  file_.reset();
  dump_ = {};
  rested_ = {};
}

void JitNames::read_on() {
  const auto start = Clock::now();
  if (!found() || start < rested_ || dump_.broken()) return;
  for (int i = 0; i < kMaxReads; ++i) {
    const auto status = process::file_status(file_.get());
    if (!status || static_cast<std::uint64_t>(status->size) <= dump_.offset()) break;
    const auto bytes = files_.jit_dump(info_.key.tgid, file_.get(), dump_.offset());
    if (!bytes || !dump_.add(std::as_bytes(std::span(*bytes)))) break;
  }
  rested_ = Clock::now() + std::max<Clock::duration>(kRest * (Clock::now() - start), kLeastRest);
}

std::optional<std::string_view> JitNames::find(std::uint64_t pc, std::uint64_t time) {
  if (const auto name = dump_.find(pc, time)) return name;
  read_on();
  return dump_.find(pc, time);
}

}  // namespace jtrace::session
