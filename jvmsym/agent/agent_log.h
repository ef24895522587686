// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "jvmsym/agent/code_map.h"

namespace jtrace::jvmsym::agent {

// Takes whole records from the front of `bytes`, as far as they go; returns how many bytes that
// were. A record that makes no sense is counted and skipped; one whose size makes none ends the log
// (`broken`), for nothing tells where the next begins.
struct LogParser {
  std::uint64_t records = 0;
  std::uint64_t malformed = 0;
  bool broken = false;

  std::size_t take(std::span<const std::byte> bytes, std::uint64_t log_start, CodeMap& code);
};

// The log of the agent inside a process (log_format.h), followed while it is written. What it says
// is the target's word: bounded and checked. Outlives the process once it is open.
class AgentLog {
 public:
  // The log of a process: of several the newest that is still written, else the newest. Looks at
  // the process's descriptors, opens memfds of that name and nothing else. Errc::Target where there
  // is none.
  [[nodiscard]] static Result<AgentLog> open(pid_t tgid);
  [[nodiscard]] static Result<AgentLog> over(UniqueFd fd);

  // Reads what was written since the last time. True where that was anything.
  bool poll(CodeMap& code);
  // From then on the log does not tell all: 0, or when it was full, or was stopped.
  [[nodiscard]] std::uint64_t ended() const;
  [[nodiscard]] std::uint64_t start_ns() const { return head_.start_ns; }
  [[nodiscard]] std::uint64_t dropped() const { return head_.dropped; }
  [[nodiscard]] const LogParser& parsed() const { return parser_; }

 private:
  explicit AgentLog(UniqueFd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] bool read_head();

  UniqueFd fd_;
  jt_agent_head head_{};
  std::uint64_t at_ = sizeof(jt_agent_head);
  LogParser parser_;
  std::vector<std::byte> buffer_;
};

// "Lpkg/Class;" as the JVM itself names it: "pkg/Class"; a hidden class's
// "Lpkg/Class.0x1234;" is "pkg/Class+0x1234", an anonymous one's "Lpkg/Class/1234;" is "pkg/Class".
[[nodiscard]] std::string class_name(std::string_view class_text);

}  // namespace jtrace::jvmsym::agent
