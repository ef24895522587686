// SPDX-License-Identifier: Apache-2.0
// Rooms for rows, and what has none: files whose size is the number of their rows.
#include "unwind/binary_tables.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "unwind/address_space.h"

namespace jtrace::unwind {
namespace {

class SizeReader final : public BinaryReader {
 public:
  Result<BinaryFacts> facts(pid_t /*owner*/, int /*fd*/) override {
    ++asked;
    if (broken) return fail(Errc::Internal, "no ELF file");
    return BinaryFacts{.code = {{0, 4096, 0}}, .build_id = {}};
  }
  Result<UnwindTable> table(pid_t /*owner*/, int fd) override {
    struct stat file{};
    if (::fstat(fd, &file) != 0) return fail(Errc::Internal, "fstat");
    UnwindTable table{.rules = {jt_rule{}},
                      .rows = std::vector<jt_row>(static_cast<std::size_t>(file.st_size))};
    for (std::uint32_t i = 0; i < rules; ++i) {
      jt_rule rule{};
      rule.cfa_kind = JT_CFA_RSP;
      rule.cfa_off = static_cast<int>(i);
      table.rules.push_back(rule);
    }
    return table;
  }

  int asked = 0;
  bool broken = false;
  std::uint32_t rules = 0;
};

class BinaryTablesTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kRows = 100;

  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "jtrace-tables-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  process::MapEntry file(std::uint64_t rows) {
    const std::filesystem::path path = folder_ / std::to_string(++files_);
    std::ofstream(path).close();
    std::filesystem::resize_file(path, rows);
    struct stat file{};
    EXPECT_EQ(::stat(path.c_str(), &file), 0);
    process::MapEntry entry;
    entry.start = static_cast<std::uint64_t>(files_) << 32;
    entry.end = entry.start + 4096;
    entry.device = file.st_dev;
    entry.inode = file.st_ino;
    entry.executable = true;
    entry.path = path;
    return entry;
  }
  std::unique_ptr<AddressSpace> process() {
    return std::make_unique<AddressSpace>(::getpid(), binaries_);
  }
  // Whether the process has rows of each, in their order.
  static std::vector<bool> has_rows(AddressSpace& space, std::vector<process::MapEntry> maps) {
    std::vector<bool> has;
    for (const jt_range& range : space.build(std::move(maps), {})) {
      has.push_back(range.kind == JT_RANGE_NATIVE && range.rows != 0);
    }
    return has;
  }
  // A process that maps it and ends.
  void pass_by(const process::MapEntry& entry) { (void)has_rows(*process(), {entry}); }

  std::vector<const Binary*> forget_all() {
    return binaries_.note_window(1U << 20, [](const Binary& /*binary*/) { return 1U; });
  }
  void let_windows_pass() {
    for (int i = 0; i < 3; ++i) (void)binaries_.note_window();
  }

  using Has = std::vector<bool>;

  std::filesystem::path folder_;
  int files_ = 0;
  SizeReader reader_;
  TableStore store_{kRows};
  BinaryTables binaries_{store_, nullptr, reader_};
};

TEST_F(BinaryTablesTest, whatLacksRowsIsReadAgainOnlyWhenTheyFit) {
  const auto first = store_.add({{jt_rule{}}, std::vector<jt_row>(60)});
  const auto second = store_.add({{jt_rule{}}, std::vector<jt_row>(40)});
  ASSERT_TRUE(first && second);
  const auto wanting = file(50);
  pass_by(wanting);
  EXPECT_EQ(reader_.asked, 1);
  store_.remove(*second);
  pass_by(wanting);
  EXPECT_EQ(reader_.asked, 1) << "40 are free";
  store_.remove(*first);
  EXPECT_EQ(has_rows(*process(), {wanting}), Has{true});
  EXPECT_EQ(reader_.asked, 2);
  pass_by(wanting);
  EXPECT_EQ(reader_.asked, 2);
}

TEST_F(BinaryTablesTest, whatFailsForAnotherReasonIsNotReadAgain) {
  const auto all = store_.add({{jt_rule{}}, std::vector<jt_row>(kRows)});
  ASSERT_TRUE(all);
  const auto wanting = file(50);
  pass_by(wanting);
  store_.remove(*all);
  reader_.rules = JT_MAX_RULES;  // more than there can be
  EXPECT_EQ(has_rows(*process(), {wanting}), Has{false});
  EXPECT_EQ(reader_.asked, 2);
  reader_.rules = 0;
  pass_by(wanting);
  EXPECT_EQ(reader_.asked, 2);
}

TEST_F(BinaryTablesTest, whatCannotBeReadAnyMoreIsNotReadAgain) {
  const auto all = store_.add({{jt_rule{}}, std::vector<jt_row>(kRows)});
  ASSERT_TRUE(all);
  const auto wanting = file(50);
  pass_by(wanting);
  store_.remove(*all);
  reader_.broken = true;
  pass_by(wanting);
  pass_by(wanting);
  EXPECT_EQ(reader_.asked, 2);
}

// Written to while it was mapped: the file that is there has its own rows, and is held instead.
TEST_F(BinaryTablesTest, whatIsTriedAgainMayBeAnotherFile) {
  const auto all = store_.add({{jt_rule{}}, std::vector<jt_row>(kRows)});
  ASSERT_TRUE(all);
  const auto wanting = file(50);
  auto space = process();
  EXPECT_EQ(has_rows(*space, {wanting}), Has{false});
  std::filesystem::resize_file(wanting.path, 30);
  store_.remove(*all);
  EXPECT_EQ(has_rows(*space, {wanting}), Has{true});
  EXPECT_EQ(store_.used(), 30U);
  for (int i = 0; i < 3; ++i) {
    for (const Binary* gone : forget_all()) EXPECT_FALSE(gone->has_cfi);
  }
  EXPECT_EQ(store_.used(), 30U);
}

// Less than half is in use, but no gap is as large as what a process lacks.
TEST_F(BinaryTablesTest, makesRoomForWhatFoundNone) {
  const auto once = file(35);
  const auto twice = file(10);
  auto later = process();
  EXPECT_EQ(has_rows(*later, {twice}), Has{true});
  pass_by(once);
  EXPECT_TRUE(binaries_.note_window().empty());
  later.reset();
  let_windows_pass();
  EXPECT_EQ(store_.used(), 45U) << "kept: half is free";
  const auto wanting = file(60);
  const auto too_large = file(kRows + 1);
  auto space = process();
  EXPECT_EQ(has_rows(*space, {wanting, too_large}), (Has{false, false}));
  EXPECT_FALSE(space->has_room_now());
  EXPECT_EQ(binaries_.note_window().size(), 1U);
  EXPECT_EQ(store_.used(), 10U) << "no more than is needed";
  EXPECT_TRUE(space->has_room_now());
  EXPECT_EQ(has_rows(*space, {wanting, too_large}), (Has{true, false}));
}

// What would find no room anyway costs the others nothing.
TEST_F(BinaryTablesTest, keepsWhatDoesNotHelp) {
  const auto living = file(45);
  const auto unused = file(5);
  auto space = process();
  EXPECT_EQ(has_rows(*space, {living}), Has{true});
  pass_by(unused);
  let_windows_pass();
  const auto wanting = file(80);
  EXPECT_EQ(has_rows(*space, {living, wanting}), (Has{true, false}));
  let_windows_pass();
  EXPECT_EQ(store_.used(), 50U);
}

TEST_F(BinaryTablesTest, forgetsNoMoreThanTheExcess) {
  const std::vector files = {file(1), file(2), file(3), file(4)};
  for (const auto& one : files) {
    pass_by(one);
    EXPECT_TRUE(binaries_.note_window().empty());
  }
  (void)binaries_.note_window();
  // The one of two rows has no symbols.
  const auto part = [](const Binary& binary) { return binary.table.rows == 2 ? 0U : 10U; };
  const auto gone = binaries_.note_window(15, part);
  EXPECT_EQ(gone.size(), 2U);
  EXPECT_EQ(store_.used(), 6U) << "2 and 4 are left";
}

}  // namespace
}  // namespace jtrace::unwind
