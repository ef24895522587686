// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/attach/status.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdint>

namespace jtrace::jvmsym::attach {
namespace {

// The next line, taken off `text`.
std::string_view take_line(std::string_view& text, char end = '\n') {
  const std::string_view line = text.substr(0, text.find(end));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// The n-th number of "NAME:\tN\tN"; n = -1: the last.
template <class T>
std::optional<T> number(std::string_view line, int n, int base = 10) {
  constexpr std::string_view kBlank = " \t";
  std::string_view word;
  for (int i = 0; i <= n || n < 0; ++i) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
    if (line.empty() && n < 0) break;
    word = line.substr(0, line.find_first_of(kBlank));
    line.remove_prefix(word.size());
  }
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
  if (word.empty() || error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<ProcessStatus> parse_status(std::string_view text) {
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<pid_t> inner, plain;
  std::optional<std::uint64_t> caught;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    const std::string_view values = line.substr(colon + 1);
    if (name == "Uid") uid = number<uid_t>(values, 1);
    if (name == "Gid") gid = number<gid_t>(values, 1);
    if (name == "Tgid") plain = number<pid_t>(values, 0);
    if (name == "NStgid") inner = number<pid_t>(values, -1);
    if (name == "SigCgt") caught = number<std::uint64_t>(values, 0, 16);
  }
  if (!inner) inner = plain;
  if (!uid || !gid || !inner || !caught) return std::nullopt;
  return ProcessStatus{.uid = *uid,
                       .gid = *gid,
                       .inner_pid = *inner,
                       .catches_quit = (*caught >> (SIGQUIT - 1) & 1) != 0};
}

Runtime runtime_of(std::string_view maps) {
  bool hotspot = false;
  while (!maps.empty()) {
    std::string_view line = take_line(maps);
    constexpr std::string_view kDeleted = " (deleted)";
    if (line.ends_with(kDeleted)) line.remove_suffix(kDeleted.size());
    const std::string_view file = line.substr(line.rfind('/') + 1);
    if (line.find('/') == std::string_view::npos) continue;
    if (file.starts_with("libj9vm")) return Runtime::OpenJ9;
    hotspot = hotspot || file == "libjvm.so";
  }
  return hotspot ? Runtime::HotSpot : Runtime::None;
}

// The last word of several on one switch counts.
bool says_disabled(std::string_view command_line) {
  bool disabled = false;
  while (!command_line.empty()) {
    const std::string_view word = take_line(command_line, '\0');
    if (word == "-XX:+DisableAttachMechanism") disabled = true;
    if (word == "-XX:-DisableAttachMechanism") disabled = false;
  }
  return disabled;
}

}  // namespace jtrace::jvmsym::attach
