// SPDX-License-Identifier: Apache-2.0
// --check-walks: every walk done again in a second, slower way, from the registers and the stack
// that came with its event.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "session/sample_store.h"
#include "session/target.h"
#include "unwind/cfi_step.h"

namespace jtrace::session {

class WalkCheck {
 public:
  struct Figures {
    std::uint64_t equal = 0;
    std::uint64_t differing = 0;
    std::uint64_t no_answer =
        0;                      // code or information that is not there any more, a copy too short
    std::uint64_t partial = 0;  // ended early, and said so
  };

  void add_stack(const jt_stack_record& record);
  void check(Target& target, const jt_deferred_record& record);

  [[nodiscard]] const Figures& figures() const { return figures_; }
  // The first that differs, in words; empty: none does.
  [[nodiscard]] const std::string& example() const { return example_; }

 private:
  enum class Verdict { Equal, Differing, NoAnswer };
  [[nodiscard]] Verdict compare(Target& target, const jt_deferred_record& record,
                                const std::vector<jt_frame>& frames);

  std::unordered_map<jt_stack_key, std::vector<jt_frame>, KeyHash, KeyEqual> stacks_;
  unwind::CfiStepper cfi_;
  Figures figures_;
  std::string example_;
  std::string what_;  // of the last comparison
};

}  // namespace jtrace::session
