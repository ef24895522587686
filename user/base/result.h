// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <utility>

namespace jtrace {

// Who must act on a failure; the numbers are the exit statuses of the command line's contract.
enum class Errc {
  Internal = 1,     // BPF, output, our own bug
  Usage = 2,        // the command line, an event that does not exist included
  Environment = 3,  // host or permission
  Target = 4,       // process not found, gone, not traceable
  Lossy = 5,        // --strict: something was lost
  NoEvents = 6,     // --expect-events: nothing happened
  // Of COMMAND, as env(1) has them: it cannot be run, there is none.
  NotExecutable = 126,
  NotFound = 127,
};

// One line for a person: what failed, on what, why (`message`), and what mends it (`hint`, may be
// empty). Log or return, never both: only session/ and main print errors.
struct Error {
  Errc code = Errc::Internal;
  std::string message;
  std::string hint;
};

template <class T>
using Result = std::expected<T, Error>;

using Status = std::expected<void, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message,
                                                 std::string hint = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(hint)});
}

// "open /x: No such file or directory" for errno `err`.
[[nodiscard]] std::string errno_text(const std::string& what, int err);

// Where all that is wrong can be said at once: one error as it is, several as a line each.
class Failures {
 public:
  void add(Error error) {
    if (count_++ == 0) {
      first_ = std::move(error);
      return;
    }
    if (count_ == 2) first_ = {first_.code, line(first_), {}};
    first_.message += "\n" + line(error);
  }
  void add(const Status& status) {
    if (!status) add(status.error());
  }
  template <class T>
  void add(const Result<T>& result) {
    if (!result) add(result.error());
  }
  [[nodiscard]] Status status() const {
    if (count_ == 0) return {};
    return std::unexpected(first_);
  }

 private:
  [[nodiscard]] static std::string line(const Error& error) {
    return error.hint.empty() ? error.message : error.message + "; " + error.hint;
  }

  std::size_t count_ = 0;
  Error first_;
};

}  // namespace jtrace

// g++ 12's std::expected has no and_then/transform, so the two macros every caller needs.
#define JT_CONCAT_(a, b) a##b
#define JT_CONCAT(a, b) JT_CONCAT_(a, b)

// JT_TRY(auto x, f()): x is the value, or this function returns f's error.
#define JT_TRY(decl, expr) JT_TRY_(JT_CONCAT(jt_result_, __LINE__), decl, expr)
#define JT_TRY_(tmp, decl, expr)                            \
  auto tmp = (expr);                                        \
  if (!tmp) return std::unexpected(std::move(tmp).error()); \
  decl = std::move(*tmp)

// JT_CHECK_OK(f()): go on, or return f's error.
#define JT_CHECK_OK(expr)                                                                          \
  do {                                                                                             \
    if (auto jt_status = (expr); !jt_status) return std::unexpected(std::move(jt_status).error()); \
  } while (0)
