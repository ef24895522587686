// SPDX-License-Identifier: Apache-2.0
// Commands by other users and in other mounts, and what the kernel says about the rights of a
// process, and who its threads and children are.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "integration/support/trace_run.h"

namespace jtrace::test {

using Words = std::vector<std::string>;

inline Words operator+(Words left, const Words& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// By a shell that first does `before` in a mount namespace of its own.
inline Words in_mounts(const std::string& before, const Words& command = {}) {
  return Words{"unshare",
               "-m",
               "--propagation",
               "private",
               "/bin/sh",
               "-c",
               before + R"( && exec "$@")",
               "sh"} +
         command;
}

// By a shell in between: what setpriv itself executes, it executes with root's right to any file.
// `more`: options of setpriv. No group but the one of the user's own number where it names none.
inline Words as_user(uid_t user, const Words& command, const Words& more = {"--clear-groups"}) {
  const std::string number = std::to_string(user);
  return Words{"setpriv", "--reuid=" + number, "--regid=" + number} + more +
         Words{"/bin/sh", "-c", R"(exec "$@")", "sh"} + command;
}

// Of /proc/PID/status: what stands behind "NAME:".
inline std::string status_line(pid_t pid, std::string_view name) {
  const auto status = read_text("/proc/" + std::to_string(pid) + "/status");
  if (!status) return "?";
  for (const std::string_view line : split(*status, '\n')) {
    if (line.starts_with(name) && line.substr(name.size()).starts_with(":\t")) {
      return std::string(line.substr(name.size() + 2));
    }
  }
  return "none";
}

constexpr const char* kNoRights = "0000000000000000";

// Nothing but `rights`, and no way to more.
inline void expect_shut(pid_t pid, const std::string& rights) {
  EXPECT_EQ(status_line(pid, "CapEff"), rights);
  EXPECT_EQ(status_line(pid, "CapPrm"), rights);
  EXPECT_EQ(status_line(pid, "CapInh"), kNoRights);
  EXPECT_EQ(status_line(pid, "CapAmb"), kNoRights);
  EXPECT_EQ(status_line(pid, "NoNewPrivs"), "1");
  EXPECT_EQ(status_line(pid, "Seccomp"), "2");
}

inline std::vector<pid_t> threads_of(pid_t pid) {
  std::vector<pid_t> threads;
  const std::string directory = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(directory)) {
    threads.push_back(std::stoi(task.path().filename()));
  }
  return threads;
}

inline std::vector<pid_t> children_of(pid_t parent) {
  const std::string number = std::to_string(parent);
  const auto text = read_text("/proc/" + number + "/task/" + number + "/children");
  std::vector<pid_t> children;
  std::istringstream words(text.value_or(""));
  for (pid_t child = 0; words >> child;) children.push_back(child);
  return children;
}

inline std::optional<pid_t> child_named(pid_t parent, std::string_view comm) {
  for (const pid_t child : children_of(parent)) {
    const auto name = read_text("/proc/" + std::to_string(child) + "/comm");
    if (name && name->starts_with(comm)) return child;
  }
  return std::nullopt;
}

}  // namespace jtrace::test
