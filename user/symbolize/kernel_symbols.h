// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jtrace::symbolize {

// /proc/kallsyms, read once: functions of vmlinux, of modules and BPF programs (module "bpf").
// Errc::Environment where addresses are hidden (all zero). Immutable, so any thread may ask.
class KernelSymbols {
 public:
  [[nodiscard]] static Result<KernelSymbols> load(
      const std::filesystem::path& path = "/proc/kallsyms");
  // An open file: whether addresses are shown was decided when it was opened.
  [[nodiscard]] static Result<KernelSymbols> load(int fd);
  [[nodiscard]] static Result<KernelSymbols> parse(std::string_view text);

  struct Found {
    std::string_view name;
    std::string_view module;  // empty: vmlinux
  };
  // The last symbol at or before `address`, for kallsyms has no sizes; nullopt where that is too
  // far away for a function.
  [[nodiscard]] std::optional<Found> find(std::uint64_t address) const;

  [[nodiscard]] std::size_t size() const { return symbols_.size(); }

 private:
  struct Symbol {
    std::uint64_t address;
    std::uint32_t name;    // offsets in names_
    std::uint32_t module;  // 0: vmlinux
  };
  std::uint32_t add_name(std::string_view name);
  void add_line(std::string_view line);

  std::vector<Symbol> symbols_;  // sorted by address, one per address
  std::vector<char> names_;      // NUL-terminated, the empty one first
  std::size_t hidden_ = 0;       // functions whose address is zero
};

}  // namespace jtrace::symbolize
