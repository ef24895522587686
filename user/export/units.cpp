// SPDX-License-Identifier: Apache-2.0
// Times and counts as people read them.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <span>
#include <string>
#include <string_view>

#include "export/exporter.h"
#include "export/formats.h"

namespace jtrace::exporting {

std::string time_text(std::chrono::system_clock::time_point time) {
  if (time == std::chrono::system_clock::time_point{}) return {};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  // Years 1 to 9999: beyond, gmtime has no four-digit year (or none at all).
  if (seconds < -62135596800 || seconds > 253402300799) return "out of range";
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::string duration_text(std::chrono::nanoseconds duration) {
  using std::chrono::seconds;
  const double s = std::chrono::duration<double>(duration).count();
  if (s < 1) return fmt::format("{:.0f} ms", s * 1000);
  if (s < 60) return fmt::format("{:.1f} s", s);
  const auto whole = std::chrono::duration_cast<seconds>(duration).count();
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min {} s", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string count_text(std::uint64_t count) {
  std::string digits = fmt::format("{}", count);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string count_text(std::int64_t count) {
  if (count >= 0) return count_text(static_cast<std::uint64_t>(count));
  return "-" + count_text(0 - static_cast<std::uint64_t>(count));
}

namespace {

struct Step {
  double from;
  std::string_view name;
};
constexpr std::array<Step, 4> kTimes{{{1, "ns"}, {1e3, "µs"}, {1e6, "ms"}, {1e9, "s"}}};
constexpr std::array<Step, 5> kSizes{
    {{1, "B"}, {0x1p10, "KiB"}, {0x1p20, "MiB"}, {0x1p30, "GiB"}, {0x1p40, "TiB"}}};

std::string scaled(std::int64_t value, std::span<const Step> steps) {
  const double size = std::abs(static_cast<double>(value));
  const Step* step = steps.data();
  for (const Step& next : steps) {
    if (size >= next.from) step = &next;
  }
  const double shown = static_cast<double>(value) / step->from;
  if (std::abs(shown) >= 100) {
    return fmt::format("{} {}", count_text(static_cast<std::int64_t>(std::round(shown))),
                       step->name);
  }
  return fmt::format("{:.3g} {}", shown, step->name);
}

}  // namespace

std::string value_text(std::int64_t value, std::string_view unit) {
  if (unit == "nanoseconds") return scaled(value, kTimes);
  if (unit == "bytes") return scaled(value, kSizes);
  return count_text(value);
}

std::string weight_text(std::int64_t value, const profile::ValueType& type) {
  const bool tells = type.unit == "nanoseconds" || type.unit == "bytes";
  if (tells) return value_text(value, type.unit);
  // These two are ours; a field keeps its name.
  const bool plural = type.type == "events" || type.type == "errors";
  std::string_view noun = type.type;
  if (plural && value == 1) noun.remove_suffix(1);
  return value_text(value, type.unit) + " " + safe_text(noun);
}

std::size_t columns(std::string_view text) {
  const auto begins = [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80; };
  return static_cast<std::size_t>(std::ranges::count_if(text, begins));
}

std::string events_text(std::int64_t count) { return weight_text(count, {"events", "count"}); }

}  // namespace jtrace::exporting
