// SPDX-License-Identifier: Apache-2.0
// A step through native code by libdw's own reading of the call frame information, on all
// registers: slow, and apart from the tables, for --check-walks.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "unwind/binary_tables.h"

namespace jtrace::unwind {

// By DWARF number (5 rdi, 16 the return address); nullopt: not known.
using StepRegisters = std::array<std::optional<std::uint64_t>, 17>;
constexpr std::size_t kStepRbx = 3, kStepRdi = 5, kStepRbp = 6, kStepRsp = 7, kStepPc = 16;

using WordReader = std::function<std::optional<std::uint64_t>(std::uint64_t address)>;

class CfiStepper {
 public:
  enum class Result {
    Caller,    // the registers are the caller's now
    Signal,    // those that a signal interrupted
    End,       // there is no caller
    NoAnswer,  // no entry there, or one that needs what is not known
  };
  CfiStepper();
  CfiStepper(const CfiStepper&) = delete;
  CfiStepper& operator=(const CfiStepper&) = delete;
  ~CfiStepper();

  // `pc`: the ELF address to look up. `binary` must outlive this.
  [[nodiscard]] Result step(const Binary& binary, std::uint64_t pc, const WordReader& read,
                            StepRegisters& registers);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jtrace::unwind
