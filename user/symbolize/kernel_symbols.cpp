// SPDX-License-Identifier: Apache-2.0
#include "symbolize/kernel_symbols.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "base/file.h"

namespace jtrace::symbolize {
namespace {

constexpr std::size_t kMaxText = 256UL << 20;       // a distribution's kernel has 10 to 20 MB
constexpr std::uint64_t kMaxFunction = 1ULL << 20;  // beyond: a gap between text regions
constexpr std::string_view kFunctionTypes = "tTwW";

// Text up to the first of `separators`, which `rest` then starts after.
std::string_view take_field(std::string_view& rest, std::string_view separators) {
  const std::size_t end = std::min(rest.find_first_of(separators), rest.size());
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

}  // namespace

Result<KernelSymbols> KernelSymbols::load(const std::filesystem::path& path) {
  JT_TRY(const std::string text, read_file(path, kMaxText));
  return parse(text);
}

Result<KernelSymbols> KernelSymbols::load(int fd) {
  JT_TRY(const std::string text, read_open_file(fd, "/proc/kallsyms", kMaxText));
  return parse(text);
}

Result<KernelSymbols> KernelSymbols::parse(std::string_view text) {
  if (text.size() > kMaxText) {
    return fail(Errc::Environment, "read kernel symbols: too large");
  }
  KernelSymbols result;
  result.names_.push_back('\0');
  while (!text.empty()) result.add_line(take_field(text, "\n"));
  if (result.symbols_.empty()) {
    if (result.hidden_ == 0) return fail(Errc::Environment, "read kernel symbols: none found");
    return fail(Errc::Environment, "read kernel symbols: the kernel hides their addresses",
                "run as root or with CAP_SYSLOG, and sysctl kernel.kptr_restrict=1");
  }
  // The first of several names at one address stays: scripts/kallsyms.c lists the best one first
  // and the kernel's own backtraces take it. `name` ascends with the lines.
  std::ranges::sort(result.symbols_, {},
                    [](const Symbol& symbol) { return std::pair(symbol.address, symbol.name); });
  const auto rest = std::ranges::unique(result.symbols_, {}, &Symbol::address);
  result.symbols_.erase(rest.begin(), rest.end());
  result.symbols_.shrink_to_fit();
  return result;
}

// "ffffffffc0a01000 t ext4_find_entry\t[ext4]"
void KernelSymbols::add_line(std::string_view line) {
  const std::string_view hex = take_field(line, " ");
  const std::string_view type = take_field(line, " ");
  const std::string_view name = take_field(line, " \t");
  std::string_view module = line;
  if (type.size() != 1 || kFunctionTypes.find(type[0]) == std::string_view::npos || name.empty()) {
    return;
  }
  std::uint64_t address = 0;
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), address, 16);
  if (error != std::errc{} || end != hex.data() + hex.size()) return;
  if (address == 0) {
    ++hidden_;
    return;
  }
  if (module.size() > 2 && module.starts_with('[') && module.ends_with(']')) {
    module = module.substr(1, module.size() - 2);
  } else {
    module = {};
  }
  Symbol symbol{address, add_name(name), 0};
  if (!module.empty()) {
    // Symbols of a module follow one another.
    const std::uint32_t last = symbols_.empty() ? 0 : symbols_.back().module;
    symbol.module = module == &names_[last] ? last : add_name(module);
  }
  symbols_.push_back(symbol);
}

std::uint32_t KernelSymbols::add_name(std::string_view name) {
  const auto at = static_cast<std::uint32_t>(names_.size());
  names_.insert(names_.end(), name.begin(), name.end());
  names_.push_back('\0');
  return at;
}

std::optional<KernelSymbols::Found> KernelSymbols::find(std::uint64_t address) const {
  const auto after = std::ranges::upper_bound(symbols_, address, {}, &Symbol::address);
  if (after == symbols_.begin()) return std::nullopt;
  const Symbol& symbol = *std::prev(after);
  if (address - symbol.address > kMaxFunction) return std::nullopt;
  return Found{&names_[symbol.name], &names_[symbol.module]};
}

}  // namespace jtrace::symbolize
