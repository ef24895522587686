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
    for (const Binary* gone : binaries_.note_window(true)) EXPECT_FALSE(gone->has_cfi);
  }
  EXPECT_EQ(store_.used(), 30U);
  space.reset();
}

}  // namespace
}  // namespace jtrace::unwind
