// SPDX-License-Identifier: Apache-2.0
#include "process/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/file.h"
#include "process/cgroups.h"

namespace jtrace::process {
namespace {

// Class paths take most of it.
constexpr std::size_t kMaxCommandLine = 256U << 10;
constexpr std::size_t kMaxCgroup = 16U << 10;

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Options of the launcher whose value is the next word (JDK's java.c, IsWhiteSpaceOption).
bool takes_value(std::string_view option) {
  static constexpr std::array<std::string_view, 17> kTake{"-cp",
                                                          "-classpath",
                                                          "--class-path",
                                                          "-p",
                                                          "--module-path",
                                                          "--upgrade-module-path",
                                                          "--add-modules",
                                                          "--limit-modules",
                                                          "--add-exports",
                                                          "--add-opens",
                                                          "--add-reads",
                                                          "--patch-module",
                                                          "--enable-native-access",
                                                          "--illegal-native-access",
                                                          "--source",
                                                          "-d",
                                                          "--describe-module"};
  return std::ranges::find(kTake, option) != kTake.end();
}

// The next word; one without its zero was cut off.
bool take(std::string_view& text, std::string_view& word) {
  const std::size_t end = text.find('\0');
  if (end == std::string_view::npos) return false;
  word = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

std::string_view main_word(std::string_view cmdline) {
  std::string_view word;
  if (!take(cmdline, word) || last_part(word) != "java") return {};
  bool files = true;
  while (take(cmdline, word)) {
    if (word == "-jar") return take(cmdline, word) ? last_part(word) : std::string_view();
    if (word == "-m" || word == "--module") return take(cmdline, word) ? word : std::string_view();
    constexpr std::string_view kModule = "--module=";
    if (word.starts_with(kModule)) return word.substr(kModule.size());
    if (word == "--disable-@files") files = false;
    if (files && word.starts_with('@')) return {};
    if (!word.starts_with('-')) return word.ends_with(".java") ? last_part(word) : word;
    if (takes_value(word) && !take(cmdline, word)) return {};
  }
  return {};
}

bool is_uid(std::string_view text) {
  constexpr std::size_t kDigits = 32, kWithDashes = 36;
  return text.size() >= kDigits && text.size() <= kWithDashes &&
         text.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
}

}  // namespace

std::string bounded(std::string_view words) {
  std::string out;
  std::ranges::copy_if(words.substr(0, kMostWords), std::back_inserter(out), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
  return out;
}

std::string main_of(std::string_view cmdline) { return bounded(main_word(cmdline)); }

std::string_view cgroup_of(std::string_view text) {
  constexpr std::string_view kSecond = "0::";
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with(kSecond)) return line.substr(kSecond.size());
  }
  return {};
}

// The innermost: containers may hold others.
std::string_view container_of(std::string_view path) {
  while (!path.empty()) {
    const std::string_view name = last_part(path);
    if (const auto id = container_id(name); !id.empty()) return id;
    path.remove_suffix(std::min(name.size() + 1, path.size()));
  }
  return {};
}

// ".../kubepods-burstable-podUID.slice/..." of systemd, where the UID has '_' for '-', or
// ".../kubepods/burstable/podUID/...".
std::string pod_of(std::string_view path) {
  constexpr std::string_view kPod = "pod", kSlice = ".slice";
  if (!path.contains("kubepods")) return {};
  while (!path.empty()) {
    std::string_view name = last_part(path);
    path.remove_suffix(std::min(name.size() + 1, path.size()));
    if (name.ends_with(kSlice)) {
      name.remove_suffix(kSlice.size());
      name.remove_prefix(name.rfind('-') + 1);
    }
    if (!name.starts_with(kPod)) continue;
    std::string uid(name.substr(kPod.size()));
    std::ranges::replace(uid, '_', '-');
    if (is_uid(uid)) return uid;
  }
  return {};
}

Description describe(const std::filesystem::path& proc, pid_t pid, std::string_view comm) {
  Description about{.comm = bounded(comm)};
  const std::filesystem::path folder = proc / std::to_string(pid);
  if (const auto cmdline = read_file(folder / "cmdline", kMaxCommandLine)) {
    about.main = main_of(*cmdline);
  }
  if (const auto text = read_file(folder / "cgroup", kMaxCgroup)) {
    const std::string_view path = cgroup_of(*text);
    about.container = bounded(container_of(path));
    about.pod = pod_of(path);
    about.cgroup = bounded(path);
  }
  return about;
}

}  // namespace jtrace::process
