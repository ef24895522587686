// SPDX-License-Identifier: Apache-2.0
#include "unwind/table_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "table_view.h"

namespace jtrace::unwind {
namespace {

namespace fs = std::filesystem;

const std::string kId = "0123456789abcdef0123456789abcdef01234567";

class TableCacheTest : public ::testing::Test {
 protected:
  TableCacheTest() {
    std::string name = fs::temp_directory_path() / "jtrace-cache-XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  ~TableCacheTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  [[nodiscard]] static CachedBinary table() {
    jt_rule rule{};
    rule.cfa_kind = JT_CFA_RSP;
    rule.cfa_off = 8;
    return {{.code = {{.first = 1, .end = 2, .delta = 3}}, .build_id = "0a"},
            {{jt_rule{}, rule}, {{0x1000, 1}, {0x1010, 0}}}};
  }
  [[nodiscard]] std::string content() const {
    std::ifstream file(root_ / kId, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put(const std::string& bytes) const {
    std::ofstream(root_ / kId, std::ios::binary | std::ios::trunc) << bytes;
  }

  fs::path root_;
};

TEST_F(TableCacheTest, givesBackWhatWasStored) {
  const TableCache cache(root_ / "deep" / "er");
  EXPECT_FALSE(cache.load(kId));
  const auto libc = compile_unwind_table(open_file(kLibc).get());
  ASSERT_TRUE(libc);
  cache.store(kId, {{.code = {{.first = 1, .end = 2, .delta = 3}}, .build_id = "0a"}, *libc});
  const auto loaded = cache.load(kId);
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->table.rows.size(), libc->rows.size());
  ASSERT_EQ(loaded->table.rules.size(), libc->rules.size());
  for (std::size_t i = 0; i < libc->rows.size(); ++i) {
    ASSERT_EQ(loaded->table.rows[i].pc, libc->rows[i].pc);
    ASSERT_EQ(loaded->table.rows[i].rule, libc->rows[i].rule);
  }
  EXPECT_EQ(loaded->facts.build_id, "0a");
  ASSERT_EQ(loaded->facts.code.size(), 1U);
  EXPECT_EQ(loaded->facts.code[0].delta, 3U);
  // Nothing but the file itself stays.
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "deep" / "er"), {}), 1);
}

TEST_F(TableCacheTest, anyChangedByteMakesItAbsent) {
  const TableCache cache(root_);
  cache.store(kId, table());
  const std::string good = content();
  ASSERT_FALSE(good.empty());
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    put(bad);
    EXPECT_FALSE(cache.load(kId)) << "byte " << i;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    put(good.substr(0, size));
    EXPECT_FALSE(cache.load(kId)) << size << " bytes";
  }
  put(good + "x");
  EXPECT_FALSE(cache.load(kId));
  cache.store(kId, table());
  EXPECT_TRUE(cache.load(kId));
}

TEST_F(TableCacheTest, filesOthersCouldWriteAreNotTrusted) {
  const TableCache cache(root_);
  cache.store(kId, table());
  const fs::path file = root_ / kId;
  ::chmod(file.c_str(), 0620);
  EXPECT_FALSE(cache.load(kId));
  ::chmod(file.c_str(), 0602);
  EXPECT_FALSE(cache.load(kId));
  ::chmod(file.c_str(), 0600);
  EXPECT_TRUE(cache.load(kId));
  fs::rename(file, root_ / "elsewhere");
  fs::create_symlink(root_ / "elsewhere", file);
  EXPECT_FALSE(cache.load(kId));
}

TEST_F(TableCacheTest, onlyKeysAreNames) {
  const TableCache cache(root_);
  for (const char* id : {"", "../abc", "ABC", "ab/cd", ".", "0123g"}) {
    cache.store(id, table());
    EXPECT_FALSE(cache.load(id)) << id;
  }
  cache.store(std::string(200, 'a'), table());
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(TableCacheTest, unsoundTablesAreNotStored) {
  const TableCache cache(root_);
  cache.store(kId, {{}, {{jt_rule{}}, {{2, 0}, {1, 0}}}});
  cache.store(kId, {{}, {{jt_rule{}}, {{1, 5}}}});
  cache.store(kId, {});
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(TableCacheTest, aLeftoverOfADeadProcessIsInTheWayOnce) {
  const TableCache cache(root_);
  std::ofstream(root_ / (kId + "." + std::to_string(::getpid()) + ".new")) << "x";
  cache.store(kId, table());
  cache.store(kId, table());
  EXPECT_TRUE(cache.load(kId));
}

TEST_F(TableCacheTest, aDirectoryThatCannotBeUsedCostsNothingElse) {
  put("a file");
  const TableCache cache(root_ / kId);
  cache.store(kId, table());
  EXPECT_FALSE(cache.load(kId));
  const TableCache none{fs::path()};
  none.store(kId, table());
  EXPECT_FALSE(none.load(kId));
}

}  // namespace
}  // namespace jtrace::unwind
