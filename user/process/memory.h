// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "base/ids.h"
#include "base/result.h"

namespace jtrace::process {

// Reads a target's memory. What it returns is hostile: every number in it may be anything.
// A seam: tests read from a prepared image instead of a process.
class MemoryReader {
 public:
  MemoryReader() = default;
  MemoryReader(const MemoryReader&) = delete;
  MemoryReader& operator=(const MemoryReader&) = delete;
  virtual ~MemoryReader() = default;

  // All of `into` or nothing; false where any byte cannot be read.
  [[nodiscard]] virtual bool read(ProcessAddr from, std::span<std::byte> into) const = 0;

  template <class T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::optional<T> read(ProcessAddr from) const {
    T value;
    if (!read(from, std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
    return value;
  }
};

// process_vm_readv on a live process. Thread-safe.
class ProcessMemory final : public MemoryReader {
 public:
  explicit ProcessMemory(pid_t tgid) : tgid_(tgid) {}
  using MemoryReader::read;
  [[nodiscard]] bool read(ProcessAddr from, std::span<std::byte> into) const override;

 private:
  pid_t tgid_;
};

// Bytes up to the first NUL, at most `limit`; nullopt where unreadable or longer.
[[nodiscard]] std::optional<std::string> read_c_string(const MemoryReader& memory, ProcessAddr from,
                                                       std::size_t limit);

}  // namespace jtrace::process
