// SPDX-License-Identifier: Apache-2.0
#include "cli/limits.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>

#include "cli/words.h"

namespace jtrace::cli {
namespace {

// The kernel takes some milliseconds to part two windows.
constexpr std::chrono::nanoseconds kShortestWindow = std::chrono::milliseconds(10);

// The number that a text begins with, and what follows it.
struct Quantity {
  std::uint64_t count = 0;
  std::string_view unit;
  bool valid = false;
};

Quantity quantity(std::string_view text) {
  Quantity made;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, made.count);
  made.valid = error == std::errc{} && made.count != 0;
  made.unit = {stop, static_cast<std::size_t>(end - stop)};
  return made;
}

template <class Value>
struct Unit {
  std::string_view name;
  Value value;
};

constexpr std::array<Unit<std::uint64_t>, 10> kSizes{{{"B", 1},
                                                      {"K", 1U << 10},
                                                      {"KB", 1U << 10},
                                                      {"KiB", 1U << 10},
                                                      {"M", 1U << 20},
                                                      {"MB", 1U << 20},
                                                      {"MiB", 1U << 20},
                                                      {"G", 1U << 30},
                                                      {"GB", 1U << 30},
                                                      {"GiB", 1U << 30}}};
constexpr std::array<Unit<std::uint64_t>, 4> kAges{
    {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 24 * 3600}}};

// nullopt-like 0 where the unit is none of these, or the product too large to be one.
template <std::size_t N>
std::uint64_t in_units(const Quantity& of, const std::array<Unit<std::uint64_t>, N>& units) {
  const auto* unit = std::ranges::find(units, of.unit, &Unit<std::uint64_t>::name);
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (unit == units.end() || of.count > kMost / unit->value) return 0;
  return of.count * unit->value;
}

Status read_keep(const Values& values, Keep& keep) {
  for (const std::string& list : values.texts) {
    for (const std::string_view word : split(list, ',')) {
      const Quantity of = quantity(word);
      if (of.valid && of.unit.empty()) {
        keep.files = of.count;
      } else if (const auto age = of.valid ? in_units(of, kAges) : 0; age != 0) {
        keep.age = std::chrono::seconds(age);
      } else if (const auto bytes = of.valid ? in_units(of, kSizes) : 0; bytes != 0) {
        keep.bytes = bytes;
      } else {
        return usage(quoted(values.label, word) + "neither files, nor an age, nor a size",
                     "100 files, 12h or 7d of them, 500M or 2G of them: --keep 100,7d,2G");
      }
    }
  }
  return {};
}

}  // namespace

Result<std::uint64_t> parse_size(const std::string& text, std::string_view label) {
  const Quantity of = quantity(text);
  const std::uint64_t bytes = of.valid ? in_units(of, kSizes) : 0;
  if (bytes != 0) return bytes;
  return usage(quoted(label, text) + "not a size", "a size is e.g. 64M, 2G or 500K");
}

Status read_windows(const Words& words, Options& options) {
  JT_TRY(const bool continuous, read_flag(words.continuous, words.loop.given()));
  if (words.loop.given() && continuous) {
    JT_TRY(options.window, parse_duration(words.loop.last(), words.loop.label));
    if (options.window < kShortestWindow) {
      return usage(quoted(words.loop.label, words.loop.last()) + "a window is 10ms at least");
    }
  }
  if (words.max_memory.given()) {
    JT_TRY(options.max_memory, parse_size(words.max_memory.last(), words.max_memory.label));
  }
  JT_CHECK_OK(read_keep(words.keep, options.keep));
  if (options.keep.any() && !continuous && words.keep.origin == Origin::CommandLine) {
    return usage(words.keep.label + " is about the files of windows", "add --continuous");
  }
  return {};
}

}  // namespace jtrace::cli
