// SPDX-License-Identifier: Apache-2.0
// The kernel's own functions of system calls, at which a program can run (fentry, fexit): it costs
// no other call anything. docs/attach.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct btf;

namespace jtrace::capture {

class CallFunctions {
 public:
  CallFunctions() = default;
  // Among the kernel's types.
  [[nodiscard]] static CallFunctions of(const btf& types);
  // As a file keeps them: a line each.
  [[nodiscard]] std::string to_text() const;
  [[nodiscard]] static CallFunctions of_text(std::string_view text);

  [[nodiscard]] static std::string function_of(std::string_view call);
  // Why no program can be attached to the function of that call ("openat"); nothing: one can.
  [[nodiscard]] std::optional<std::string> why_not(std::string_view call) const;
  struct Function {
    std::uint32_t id = 0, prototype = 0;  // among the kernel's types; 0: there is none
  };
  [[nodiscard]] Function find(std::string_view call) const;
  // Not a call's, but met on the way: whether this kernel has the kfunc bpf_throw.
  [[nodiscard]] bool has_throw() const { return has_throw_; }

 private:
  std::map<std::string, Function, std::less<>> by_call_;
  bool has_throw_ = false;
};

// Whether the kernel preempts programs at functions, for what it says of itself: `uname -v`, and
// /sys/kernel/debug/sched/preempt, empty where that is not to be read. The reason why it does, or
// why that cannot be known; nothing: it does not.
[[nodiscard]] std::optional<std::string> why_preempted(std::string_view version,
                                                       std::string_view model);
[[nodiscard]] std::optional<std::string> why_preempted();

// Attaches a program that does nothing to the function of a call ("openat"), and detaches it:
// whether this kernel lets this process do so. Another user of that very function may be in the
// way: a live patch, or as many programs as there can be.
[[nodiscard]] Status probe_function(const CallFunctions& functions, std::string_view call);

}  // namespace jtrace::capture
