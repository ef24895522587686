// SPDX-License-Identifier: Apache-2.0
#include "unwind/cfi_step.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "table_view.h"
#include "unwind/address_space.h"

namespace jtrace::unwind {
namespace {

process::MapEntry mapped(const std::string& path) {
  process::MapEntry entry;
  const auto status = process::file_status(open_file(path).get());
  if (!status) return entry;
  entry.start = 1U << 30;
  entry.end = entry.start + 4096;
  entry.inode = status->inode;
  entry.device = status->device;
  entry.executable = true;
  entry.path = path;
  return entry;
}

// Some address that the file has CFI for, and the other has not.
std::optional<std::uint64_t> pc_of(const std::string& path, const std::string& other) {
  const auto table = compile_unwind_table(open_file(path).get());
  const auto others = compile_unwind_table(open_file(other).get());
  if (!table || !others) return std::nullopt;
  for (const jt_row& row : table->rows) {
    const bool has = table->rules[row.rule].cfa_kind == JT_CFA_RSP;
    if (has && rule_at(*others, row.pc).cfa_kind == JT_CFA_INVALID) return row.pc;
  }
  return std::nullopt;
}

// The Binary of the second file lies where the first one's was.
TEST(CfiStepper, forgetsAFileThatAnotherHasTakenThePlaceOf) {
  const std::string path = JTRACE_V8_FIXTURE;
  const std::string other = JTRACE_DEBUG_FRAME_FIXTURE;
  const auto pc = pc_of(path, other);
  ASSERT_TRUE(pc);
  TableStore store(1U << 20);
  DirectReader reader;
  BinaryTables binaries(store, nullptr, reader);
  CfiStepper stepper;
  const auto step = [&](const Binary& binary) {
    StepRegisters registers;
    registers[kStepRsp] = 0x1000;
    const auto word = [](std::uint64_t /*address*/) { return std::optional<std::uint64_t>(1); };
    return stepper.step(binary, *pc, word, registers);
  };
  const Binary* first = nullptr;
  {
    AddressSpace space(::getpid(), binaries);
    const auto ranges = space.build({mapped(path)}, {});
    ASSERT_EQ(ranges.size(), 1U);
    first = space.image(ranges[0].mapping)->binary;
    EXPECT_EQ(step(*first), CfiStepper::Result::Caller);
  }
  const auto forget_all = [&] {
    return binaries.note_window(1U << 20, [](const Binary& /*binary*/) { return 1U; });
  };
  EXPECT_TRUE(forget_all().empty());
  ASSERT_EQ(forget_all().size(), 1U);
  AddressSpace space(::getpid(), binaries);
  const auto ranges = space.build({mapped(other)}, {});
  ASSERT_EQ(ranges.size(), 1U);
  const Binary* second = space.image(ranges[0].mapping)->binary;
  ASSERT_EQ(second, first);
  EXPECT_EQ(step(*second), CfiStepper::Result::NoAnswer);
}

}  // namespace
}  // namespace jtrace::unwind
