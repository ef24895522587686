// SPDX-License-Identifier: Apache-2.0
#include "capture/comm_globs.h"

#include <algorithm>
#include <bitset>
#include <optional>

namespace jtrace::capture {
namespace {

using Characters = std::bitset<256>;

constexpr unsigned kStates = 64;

unsigned char byte(char c) { return static_cast<unsigned char>(c); }

// A class "[...]" whose '[' was taken already; nullopt where it does not end.
std::optional<Characters> take_class(std::string_view& glob) {
  Characters set;
  const bool inverse = glob.starts_with('!') || glob.starts_with('^');
  if (inverse) glob.remove_prefix(1);
  // A ']' that comes first is one of the class.
  for (bool first = true; !glob.empty(); first = false) {
    if (glob.front() == ']' && !first) {
      glob.remove_prefix(1);
      return inverse ? ~set : set;
    }
    const unsigned low = byte(glob.front());
    const bool range = glob.size() > 2 && glob[1] == '-' && glob[2] != ']';
    const unsigned high = range ? byte(glob[2]) : low;
    for (unsigned c = low; c <= high; ++c) set.set(c);
    glob.remove_prefix(range ? 3 : 1);
  }
  return std::nullopt;
}

// What one character of a name may be.
std::optional<Characters> take_one(std::string_view& glob) {
  const char c = glob.front();
  glob.remove_prefix(1);
  if (c == '?') return ~Characters{};
  if (c == '[') return take_class(glob);
  if (c != '\\') return Characters{}.set(byte(c));
  if (glob.empty()) return std::nullopt;
  const char quoted = glob.front();
  glob.remove_prefix(1);
  return Characters{}.set(byte(quoted));
}

}  // namespace

bool CommGlobs::match(std::string_view name) const {
  std::uint64_t states = start;
  for (const char c : name) states = (states & takes.at(byte(c))) << 1 | (states & stars);
  return (states & end) != 0;
}

Result<CommGlobs> compile_comm_globs(std::span<const std::string> globs) {
  CommGlobs all;
  unsigned state = 0;
  for (const std::string& text : globs) {
    if (text.empty()) return fail(Errc::Usage, "--comm: an empty name matches no process");
    std::string_view glob = text;
    if (state >= kStates) return fail(Errc::Usage, "--comm: names of 63 characters in all at most");
    all.start |= std::uint64_t{1} << state;
    while (!glob.empty()) {
      if (glob.front() == '*') {
        all.stars |= std::uint64_t{1} << state;
        glob.remove_prefix(1);
        continue;
      }
      const auto taken = take_one(glob);
      if (!taken) {
        return fail(Errc::Usage, "--comm '" + text + "': not a glob: it does not end",
                    "put a backslash before a bracket that is meant as it stands");
      }
      if (state + 1 >= kStates) {
        return fail(Errc::Usage, "--comm: names of 63 characters in all at most");
      }
      for (std::size_t c = 0; c < all.takes.size(); ++c) {
        if (taken->test(c)) all.takes.at(c) |= std::uint64_t{1} << state;
      }
      ++state;
    }
    all.end |= std::uint64_t{1} << state;
    ++state;
  }
  return all;
}

}  // namespace jtrace::capture
