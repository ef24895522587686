// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jtrace::symbolize {

// /proc/kallsyms, read once. Errc::Environment where addresses are hidden (all zero).
class KernelSymbols {
 public:
  [[nodiscard]] static Result<KernelSymbols> load(
      const std::filesystem::path& path = "/proc/kallsyms");
  [[nodiscard]] static Result<KernelSymbols> parse(std::string_view text);

  struct Found {
    std::string_view name;
    std::string_view module;  // empty: vmlinux
  };
  [[nodiscard]] std::optional<Found> find(std::uint64_t address) const;

 private:
  struct Symbol {
    std::uint64_t address;
    std::uint32_t name;
    std::uint32_t module;
  };
  std::vector<Symbol> symbols_;
  std::string text_;
};

}  // namespace jtrace::symbolize
