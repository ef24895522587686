// SPDX-License-Identifier: Apache-2.0
// Times and counts as people read them.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>

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

}  // namespace jtrace::exporting
