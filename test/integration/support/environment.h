// SPDX-License-Identifier: Apache-2.0
// What a test needs of its host, and what happens where that is missing.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jtrace::test {

// The program under test: $JTRACE_BIN, else the one of this build.
[[nodiscard]] std::string jtrace_binary();
// $JTRACE_TEST_JDK, else Debian's JDK 17.
[[nodiscard]] std::filesystem::path jdk();
// Programs and classes built beside the tests.
[[nodiscard]] std::filesystem::path built(std::string_view name);

// Why this host cannot run such tests; none where it can.
[[nodiscard]] std::optional<std::string> no_bpf();
[[nodiscard]] std::optional<std::string> no_jdk();
[[nodiscard]] std::optional<std::string> no_program(const std::string& name);

// The letters and digits of a flag or a title: what may stand in a test's name.
[[nodiscard]] std::string letters_of(std::string_view text);

// Is `label` one of $JTRACE_REQUIRE, so that nothing of it may be skipped?
[[nodiscard]] bool required(std::string_view label);

// Of a tracefs that is opened for this and mounted nowhere.
[[nodiscard]] Result<std::uint64_t> tracepoint_id(const std::string& category,
                                                  const std::string& name);

// A directory of its own, removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// First line of a test: skips it where `missing` has a reason, or fails where `label` is required.
#define JT_NEEDS(label, missing)                                \
  if (const std::optional<std::string> jt_reason = (missing)) { \
    if (::jtrace::test::required(label)) FAIL() << *jt_reason;  \
    GTEST_SKIP() << *jt_reason;                                 \
  }

// Unwraps a Result in a test, which ends with the error where there is one.
#define JT_ASSERT_OK(decl, expr) JT_ASSERT_OK_(JT_CONCAT(jt_result_, __LINE__), decl, expr)
#define JT_ASSERT_OK_(tmp, decl, expr)                 \
  auto tmp = (expr);                                   \
  ASSERT_TRUE(tmp.has_value()) << tmp.error().message; \
  decl = std::move(*tmp)

}  // namespace jtrace::test
