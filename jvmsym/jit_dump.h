// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "jvmsym/agent/code_map.h"

namespace jtrace::jvmsym {

// jit-PID.dump, as the kernel's tools/perf/Documentation/jitdump-specification.txt has it: records
// of code that was loaded or moved, with times, appended by the runtime. What is read here is where
// code lives, since when, and its name; the code itself, lines and unwind information are passed
// over. Hostile input: sizes are checked, names cut, and the map of code has its limit.
class JitDump {
 public:
  static constexpr std::size_t kMaxRead = 16U << 20;
  static constexpr std::size_t kMaxName = 4096;

  // What the file holds from `offset` on, kMaxRead bytes at most.
  [[nodiscard]] static Result<std::string> read(int fd, std::uint64_t offset);

  // Takes the bytes from offset() on. False where there is no whole record in them.
  bool add(std::span<const std::byte> bytes);
  // Of the next record; may lie behind the end of a file that is being written.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  // It is no jitdump of this machine, or damaged: nothing more is taken.
  [[nodiscard]] bool broken() const { return broken_; }

  // Of the code that lived there then; `time` is CLOCK_MONOTONIC in ns. Valid until the next add().
  [[nodiscard]] std::optional<std::string_view> find(std::uint64_t pc, std::uint64_t time) const;
  [[nodiscard]] std::size_t size() const { return code_.size(); }

 private:
  // Bytes of the file that the record at the beginning of `bytes` takes; nullopt: not whole yet.
  [[nodiscard]] std::optional<std::uint64_t> take_header(std::span<const std::byte> bytes);
  [[nodiscard]] std::optional<std::uint64_t> take_record(std::span<const std::byte> bytes);
  void load(std::uint64_t code, std::uint64_t size, std::string_view name, std::uint64_t time);
  void move(std::span<const std::byte> record, std::uint64_t time);

  agent::CodeMap code_;
  std::uint64_t offset_ = 0;
  std::uint32_t loads_ = 0;
  bool timeless_ = false;  // its times are a counter's of the processor
  bool broken_ = false;
};

}  // namespace jtrace::jvmsym
