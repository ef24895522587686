// SPDX-License-Identifier: Apache-2.0
// What a process takes of the machine, with its threads and those that it started.
#pragma once

#include <fmt/format.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>

#include "integration/support/users.h"

namespace jtrace::test {

// Of the lines of a file in /proc that begin with a word, the numbers behind it.
inline std::uint64_t sum_in(const std::filesystem::path& file, const std::string& word) {
  std::istringstream lines(read_text(file).value_or(""));
  std::uint64_t sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(word)) sum += std::stoull(line.substr(word.size()));
  }
  return sum;
}

// Times that it came to run.
inline std::uint64_t turns_of(pid_t pid) {
  std::uint64_t sum = 0;
  for (const auto& thread :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    sum += sum_in(thread.path() / "status", "voluntary_ctxt_switches:");
  }
  for (const pid_t child : children_of(pid)) sum += turns_of(child);
  return sum;
}

// CPU time.
inline std::uint64_t nanoseconds_of(pid_t pid) {
  std::uint64_t sum = 0;
  for (const auto& thread :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    std::istringstream words(read_text(thread.path() / "schedstat").value_or(""));
    std::uint64_t used = 0;
    words >> used;
    sum += used;
  }
  for (const pid_t child : children_of(pid)) sum += nanoseconds_of(child);
  return sum;
}

}  // namespace jtrace::test
