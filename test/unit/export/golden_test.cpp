// SPDX-License-Identifier: Apache-2.0
// Every format against test/golden/<format>/<profile>.expected: same profile, same bytes. Of a page
// only what differs between pages is kept there, of messages the fields in words.
// JTRACE_UPDATE_GOLDEN=1 writes the files instead; read the diff before committing it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "export/exporter.h"
#include "export/formats.h"
#include "support/otlp_dump.h"
#include "support/pprof_dump.h"
#include "support/sample_differences.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLimit = 16U << 20;

fs::path folder(const Exporter& exporter) {
  return fs::path(JTRACE_SOURCE_DIR) / "test/golden" / exporter.name;
}

std::string file_name(const test::NamedProfile& named) { return named.name + ".expected"; }

// Without the part of the page that is the same in all: a change of its style is no change of the
// format.
std::string without_page(std::string bytes) {
  const std::string_view page = flamegraph_page();
  const std::string_view begin = page.substr(0, page.find("<!--jtrace:profile-->"));
  const std::string_view end_mark = "<!--/jtrace:profile-->";
  const std::string_view end = page.substr(page.find(end_mark) + end_mark.size());
  if (!bytes.starts_with(begin) || !bytes.ends_with(end)) return bytes;
  return "[page]\n" + bytes.substr(begin.size(), bytes.size() - begin.size() - end.size()) +
         "\n[page]\n";
}

// How libdeflate packs bytes is its business.
std::string kept_form(const Exporter& exporter, std::string bytes) {
  if (exporter.name == "otlp") return test::otlp_dump(bytes);
  return exporter.name == "pprof" ? test::pprof_dump(bytes) : without_page(std::move(bytes));
}

// The profiles that a format can show.
std::vector<test::NamedProfile> profiles_of(const Exporter& exporter) {
  std::vector<test::NamedProfile> all = test::small_profiles();
  if (!exporter.differences) return all;
  for (test::NamedProfile& named : test::small_differences()) all.push_back(std::move(named));
  return all;
}

bool updating() { return std::getenv("JTRACE_UPDATE_GOLDEN") != nullptr; }

TEST(Golden, EveryFormatWritesTheBytesItWroteBefore) {
  for (const Exporter& exporter : exporters()) {
    for (const test::NamedProfile& named : profiles_of(exporter)) {
      const fs::path path = folder(exporter) / file_name(named);
      const std::string written = kept_form(exporter, exporter.write(named.profile, {}));
      if (updating()) {
        fs::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << written;
        continue;
      }
      const auto expected = read_file(path, kLimit);
      ASSERT_TRUE(expected.has_value()) << expected.error().message;
      EXPECT_TRUE(written == *expected) << path << " differs; JTRACE_UPDATE_GOLDEN=1 rewrites it";
    }
  }
}

TEST(Golden, NoFileIsLeftOver) {
  for (const Exporter& exporter : exporters()) {
    std::set<std::string> wanted;
    for (const test::NamedProfile& named : profiles_of(exporter)) {
      wanted.insert(file_name(named));
    }
    for (const auto& entry : fs::directory_iterator(folder(exporter))) {
      EXPECT_TRUE(wanted.contains(entry.path().filename().string())) << entry.path();
    }
  }
}

TEST(Golden, WritingTwiceIsTheSame) {
  for (const Exporter& exporter : exporters()) {
    EXPECT_EQ(exporter.write(test::server_profile(), {}),
              exporter.write(test::server_profile(), {}));
  }
}

}  // namespace
}  // namespace jtrace::exporting
