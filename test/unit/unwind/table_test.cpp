// SPDX-License-Identifier: Apache-2.0
#include "unwind/table.h"

#include <dlfcn.h>
#include <elf.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cfi_fixture.h"
#include "table_view.h"

namespace jtrace::unwind {
namespace {

jt_rule rule(int kind, int cfa_off, int rbp_off = JT_REG_SAME, int rbx_off = JT_REG_SAME) {
  jt_rule made{};
  made.cfa_kind = static_cast<std::uint8_t>(kind);
  made.cfa_off = cfa_off;
  made.rbp_off = static_cast<std::int16_t>(rbp_off);
  made.rbx_off = static_cast<std::int16_t>(rbx_off);
  made.ra_off = -8;
  return made;
}

std::vector<int> fields(const jt_rule& r) {
  return {r.cfa_kind, r.cfa_off, r.cfa_add, r.rbp_off, r.rbx_off, r.ra_off, r.flags};
}

// Address of something in the shared object it lies in.
std::uint64_t elf_address(const void* address) {
  Dl_info info{};
  link_map* map = nullptr;
  EXPECT_NE(::dladdr1(address, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP), 0);
  return map == nullptr ? 0 : reinterpret_cast<std::uint64_t>(address) - map->l_addr;
}

constexpr std::array<unsigned char, 2> kSystemCall{0x0f, 0x05};

class Fixture : public ::testing::Test {
 protected:
  Fixture() {
    auto compiled = compile_unwind_table(open_file("/proc/self/exe").get());
    EXPECT_TRUE(compiled);
    if (compiled) table_ = std::move(*compiled);
  }
  [[nodiscard]] std::vector<int> at(const char* label) const {
    return fields(rule_at(table_, elf_address(label)));
  }

 private:
  UnwindTable table_;
};

TEST_F(Fixture, prologueAndEpilogue) {
  EXPECT_EQ(at(jt_fix_plain), fields(rule(JT_CFA_RSP, 8)));
  EXPECT_EQ(at(jt_fix_pushed), fields(rule(JT_CFA_RSP, 16, -16)));
  EXPECT_EQ(at(jt_fix_framed), fields(rule(JT_CFA_RBP, 16, -16, -24)));
  EXPECT_EQ(at(jt_fix_popped), fields(rule(JT_CFA_RSP, 8)));
  EXPECT_EQ(at(jt_fix_restored), fields(rule(JT_CFA_RBP, 16, -16, -24)));
}

TEST_F(Fixture, codeWithoutCfiHasNoRule) {
  EXPECT_EQ(at(jt_fix_gap), fields(jt_rule{}));
  EXPECT_EQ(at(jt_fix_gap + 31), fields(jt_rule{}));
  EXPECT_EQ(at(jt_fix_last), fields(jt_rule{}));
}

TEST_F(Fixture, realignedStack) {
  jt_rule other{};
  other.cfa_kind = JT_CFA_OTHER;
  EXPECT_EQ(at(jt_fix_drap), fields(other));
  jt_rule body = rule(JT_CFA_DEREF_RBP, -8, 0, -24);
  body.flags = JT_RULE_SAVED_AT_RBP;
  EXPECT_EQ(at(jt_fix_drap_body), fields(body));
}

TEST_F(Fixture, endOfThread) {
  jt_rule end{};
  end.cfa_kind = JT_CFA_END;
  EXPECT_EQ(at(jt_fix_end), fields(end));
}

TEST_F(Fixture, registersThatAreNotTracked) {
  jt_rule other{};
  other.cfa_kind = JT_CFA_OTHER;
  EXPECT_EQ(at(jt_fix_other), fields(other));
  EXPECT_EQ(at(jt_fix_ra_in_register), fields(other));
}

TEST_F(Fixture, savedByExpressionOrWhereItCannotBe) {
  EXPECT_EQ(at(jt_fix_lost), fields(rule(JT_CFA_RSP, 32, -24, JT_REG_UNKNOWN)));
}

TEST_F(Fixture, theSignalMarkAloneIsNoSignalFrame) {
  EXPECT_EQ(at(jt_fix_marked), fields(rule(JT_CFA_RSP, 8)));
}

std::size_t count_kind(const UnwindTable& table, int kind) {
  return static_cast<std::size_t>(std::ranges::count_if(
      table.rows, [&](const jt_row& row) { return table.rules[row.rule].cfa_kind == kind; }));
}

TEST(CompileTable, glibcThreadEntriesEndTheWalk) {
  const auto table = compile_unwind_table(open_file(kLibc).get());
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_TRUE(is_sound(*table));
  const void* clone_entry = ::dlsym(RTLD_DEFAULT, "clone");
  ASSERT_NE(clone_entry, nullptr);
  // The child starts behind the system call, some bytes into the function.
  bool ends = false;
  for (std::uint64_t pc = elf_address(clone_entry), i = 0; i < 128; ++i) {
    ends = ends || rule_at(*table, pc + i).cfa_kind == JT_CFA_END;
  }
  EXPECT_TRUE(ends);
  // clone and clone3.
  EXPECT_GE(count_kind(*table, JT_CFA_END), 2U);
}

TEST(CompileTable, programEntryEndsTheWalk) {
  const auto table = compile_unwind_table(open_file("/proc/self/exe").get());
  ASSERT_TRUE(table) << table.error().message;
  const auto entry = reinterpret_cast<const void*>(::getauxval(AT_ENTRY));
  EXPECT_EQ(rule_at(*table, elf_address(entry)).cfa_kind, JT_CFA_END);
}

// The loader with its entry point moved; in memory.
UniqueFd loader_with_entry(std::uint64_t entry) {
  std::ifstream in(kLoader, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  EXPECT_GT(bytes.size(), sizeof(Elf64_Ehdr));
  std::memcpy(bytes.data() + offsetof(Elf64_Ehdr, e_entry), &entry, sizeof(entry));
  UniqueFd fd(::memfd_create("loader", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return fd;
}

std::uint64_t entry_of_loader() {
  std::ifstream in(kLoader, std::ios::binary);
  Elf64_Ehdr header{};
  in.read(reinterpret_cast<char*>(&header), sizeof(header));
  return header.e_entry;
}

// ld.so's _start has no CFI; it runs before any other code of a process.
TEST(CompileTable, entryPointWithoutCfiEndsTheWalk) {
  const std::uint64_t entry = entry_of_loader();
  ASSERT_NE(entry, 0U);
  const auto table = compile_unwind_table(open_file(kLoader).get());
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_TRUE(is_sound(*table));
  // The call of _dl_start is the second instruction.
  for (const std::uint64_t pc : {entry, entry + 3, entry + 7}) {
    EXPECT_EQ(rule_at(*table, pc).cfa_kind, JT_CFA_END) << std::hex << pc;
  }
  const auto moved = compile_unwind_table(loader_with_entry(0).get());
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_TRUE(is_sound(*moved));
  EXPECT_EQ(rule_at(*moved, entry).cfa_kind, JT_CFA_INVALID);
  EXPECT_EQ(count_kind(*moved, JT_CFA_END) + 1, count_kind(*table, JT_CFA_END));
}

// A file may name any place.
TEST(CompileTable, entryPointElsewhereChangesNothing) {
  const auto none = compile_unwind_table(loader_with_entry(0).get());
  ASSERT_TRUE(none);
  for (const std::uint64_t entry : {std::uint64_t{1}, ~std::uint64_t{0}, std::uint64_t{1} << 32}) {
    const auto table = compile_unwind_table(loader_with_entry(entry).get());
    ASSERT_TRUE(table);
    EXPECT_EQ(count_kind(*table, JT_CFA_END), count_kind(*none, JT_CFA_END)) << entry;
    EXPECT_EQ(table->rows.size(), none->rows.size());
  }
}

// The instruction behind clone's system call: glibc's CFI leaves it out.
TEST(CompileTable, glibcClone) {
  const auto table = compile_unwind_table(open_file(kLibc).get());
  ASSERT_TRUE(table);
  const auto* code = reinterpret_cast<const unsigned char*>(::dlsym(RTLD_DEFAULT, "clone"));
  ASSERT_NE(code, nullptr);
  constexpr int kReach = 96;
  const auto* const end = code + kReach;
  const auto* call = std::search(code, end, kSystemCall.begin(), kSystemCall.end());
  ASSERT_NE(call, end);
  EXPECT_EQ(fields(rule_at(*table, elf_address(call + 1))), fields(rule(JT_CFA_CLONE, 8)));
  EXPECT_EQ(fields(rule_at(*table, elf_address(code))), fields(rule(JT_CFA_RSP, 8)));
}

TEST(CompileTable, glibcSignalTrampoline) {
  const auto table = compile_unwind_table(open_file(kLibc).get());
  ASSERT_TRUE(table);
  EXPECT_EQ(count_kind(*table, JT_CFA_SIGNAL), 1U);
  EXPECT_EQ(count_kind(*table, JT_CFA_PLT), 1U);
}

TEST(CompileTable, loaderResolvesThroughRbx) {
  const auto table = compile_unwind_table(open_file(kLoader).get());
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_GE(count_kind(*table, JT_CFA_RBX), 1U);
}

TEST(CompileTable, vdso) {
  const auto table = compile_vdso_table();
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_TRUE(is_sound(*table));
  EXPECT_GE(count_kind(*table, JT_CFA_RSP), 1U);
}

TEST(CompileTable, libjvmTakesFarLessThanASecond) {
  const std::string path = find_libjvm();
  if (path.empty()) GTEST_SKIP() << "no JDK in /usr/lib/jvm";
  const auto before = std::chrono::steady_clock::now();
  const auto table = compile_unwind_table(open_file(path).get());
  const auto took = std::chrono::steady_clock::now() - before;
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_GT(table->rows.size(), 100'000U);
  // 18 ms when measured; the bound is for sanitizers and loaded machines.
  EXPECT_LT(took, std::chrono::seconds(2));
}

TEST(CompileTable, refusesWhatIsNoX86Program) {
  EXPECT_FALSE(compile_unwind_table(open_file("/proc/self/status").get()));
  EXPECT_FALSE(compile_unwind_table(open_file("/").get()));
  EXPECT_FALSE(compile_unwind_table(-1));
}

// Built with an empty .eh_frame.
TEST(CompileTable, debugFrameServesWhereThereIsNoEhFrame) {
  const auto table = compile_unwind_table(open_file(JTRACE_DEBUG_FRAME_FIXTURE).get());
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_TRUE(is_sound(*table));
  // The function's first instruction, and its body once rbp is set up.
  EXPECT_GE(count_kind(*table, JT_CFA_RSP), 1U);
  EXPECT_GE(count_kind(*table, JT_CFA_RBP), 1U);
}

// Code compiled without .eh_frame is linked with start files, and other code, that has it.
TEST(CompileTable, debugFrameServesWhereEhFrameHasNothing) {
  const auto one = compile_unwind_table(open_file(JTRACE_DEBUG_FRAME_FIXTURE).get());
  const auto both = compile_unwind_table(open_file(JTRACE_BOTH_FRAMES_FIXTURE).get());
  ASSERT_TRUE(one && both);
  EXPECT_TRUE(is_sound(*both));
  EXPECT_EQ(count_kind(*one, JT_CFA_RBP), 1U);
  EXPECT_EQ(count_kind(*both, JT_CFA_RBP), 2U);
}

// Much code without CFI, in a file that has V8's symbols; in no other one is rbp believed.
TEST(CompileTable, codeWithRbpFramesAloneIsV8s) {
  const auto v8 = compile_unwind_table(open_file(JTRACE_V8_FIXTURE).get());
  const auto other = compile_unwind_table(open_file(JTRACE_NO_V8_FIXTURE).get());
  ASSERT_TRUE(v8 && other);
  EXPECT_TRUE(is_sound(*v8));
  const auto row = std::ranges::find_if(
      v8->rows, [&](const jt_row& r) { return v8->rules[r.rule].cfa_kind == JT_CFA_FRAMES; });
  ASSERT_NE(row, v8->rows.end());
  ASSERT_NE(std::next(row), v8->rows.end());
  EXPECT_GE(std::next(row)->pc - row->pc, 614400U);
  EXPECT_LT(std::next(row)->pc - row->pc, 614400U + 64);
  EXPECT_EQ(count_kind(*v8, JT_CFA_FRAMES), 1U);
  EXPECT_EQ(count_kind(*other, JT_CFA_FRAMES), 0U);
}

TEST(BuildId, isThatOfTheNote) {
  const std::string id = read_build_id(open_file(kLibc).get());
  EXPECT_EQ(id.size(), 40U);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(read_build_id(open_file("/proc/self/status").get()), "");
}

TEST(LoadDelta, isThatOfTheExecutableSegment) {
  // Our own code: address - load address = file offset + delta.
  const UniqueFd self = open_file("/proc/self/exe");
  const auto segments = code_segments(self.get());
  ASSERT_TRUE(segments);
  ASSERT_FALSE(segments->empty());
  const CodeSegment& code = segments->front();
  EXPECT_EQ(load_delta(self.get(), code.first), code.delta);
  EXPECT_EQ(load_delta(self.get(), code.end - 1), code.delta);
  EXPECT_FALSE(load_delta(self.get(), std::uint64_t{1} << 40));
}

}  // namespace
}  // namespace jtrace::unwind
