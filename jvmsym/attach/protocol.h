// SPDX-License-Identifier: Apache-2.0
// The bytes of HotSpot's attach protocol.
//
//   1 (JDK 6 on)   "1\0" NAME "\0" ARG "\0" ARG "\0" ARG "\0"    always three arguments, 1 024
//   bytes each 2 (JDK 24 on)  "2\0" SIZE "\0" NAME "\0" (ARG "\0")*         SIZE bytes follow, 256
//   KiB at most
//
// The answer is "CODE\n" and text up to the end of the connection, in both.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jtrace::jvmsym::attach {

// "jcmd" {"Compiler.perfmap"}
struct Operation {
  std::string name;
  std::vector<std::string> arguments{};
  std::string writes{};  // a file in its /tmp: where it is there, a regular one
};

enum class Protocol { One = 1, Two = 2 };

// nullopt where the protocol cannot say it.
[[nodiscard]] std::optional<std::string> encode(const Operation& operation, Protocol protocol);

// A jcmd's answer is a screenful; what is longer is not read to its end.
constexpr std::size_t kMaxAnswer = 64U << 10;

struct Answer {
  int code = 0;  // 0: done
  std::string text{};
};
// Errc::Target where it does not begin with a number in a line of its own.
[[nodiscard]] Result<Answer> parse_answer(std::string_view bytes);

// What this one asks and its answer tells. A JVM before 24 does not know the operation.
[[nodiscard]] Operation version_question();
[[nodiscard]] Protocol protocol_of(const Answer& answer);

// Has it load a native agent; `path` is in its own root. Whether it did is in the answer's text.
[[nodiscard]] Operation load_request(const std::string& path, const std::string& options);
// Errc::Target, in the words of JDK 8 to 26.
[[nodiscard]] Status check_loaded(const Answer& answer);

// Its first words, for a message: one line, without what a terminal would obey.
[[nodiscard]] std::string words_of(const Answer& answer);

}  // namespace jtrace::jvmsym::attach
