// SPDX-License-Identifier: Apache-2.0
// The page's bytes; what a browser makes of them is test/browser's business.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "export/call_tree.h"
#include "export/exporter.h"
#include "export/formats.h"
#include "export/packed.h"
#include "export/reader.h"
#include "support/io_profiles.h"
#include "support/sample_differences.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using enum profile::FrameKind;

constexpr std::string_view kOpen = R"(<script type="application/json" id="profile">)";

std::string data_of(const std::string& page) {
  const std::size_t begin = page.find(kOpen) + kOpen.size();
  return page.substr(begin, page.find("</script>", begin) - begin);
}

std::size_t occurrences(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos; ++count) {
    at = text.find(word, at + word.size());
  }
  return count;
}

TEST(CallTree, FoldsEqualRootsInPreorder) {
  test::ProfileSketch s({});
  const auto a = s.frame(Native, "a");
  const auto b = s.frame(Native, "b");
  const auto c = s.frame(Native, "c");
  s.stack({a, b, c}, 1);
  s.stack({a, b}, 2);
  s.stack({a, c}, 4);
  s.stack({b}, 8);
  const Stacks stacks = make_stacks(std::move(s).build(), Suffixes::No);
  const CallTree tree = make_call_tree(stacks);
  EXPECT_THAT(tree.levels, ElementsAre(1, 2, 3, 2, 1));
  EXPECT_THAT(tree.frames, ElementsAre(0, 1, 2, 2, 1));
  EXPECT_THAT(tree.self, ElementsAre(0, 2, 1, 4, 8));
}

TEST(CallTree, NothingOfNothing) { EXPECT_TRUE(make_call_tree({}).levels.empty()); }

TEST(Html, DataIsTheCallTree) {
  const auto json =
      nlohmann::json::parse(data_of(write_html(test::small_profiles()[1].profile, {})));
  EXPECT_EQ(json.at("title"), "syscalls:sys_enter_openat");
  EXPECT_EQ(json.at("type"), "events");
  EXPECT_EQ(json.at("stacks"), 3);
  EXPECT_EQ(json.at("levels").size(), json.at("frames").size());
  EXPECT_EQ(json.at("levels").size(), json.at("self").size());
  EXPECT_EQ(json.at("names").size(), json.at("name_kinds").size());
  std::int64_t sum = 0;
  for (const auto& value : json.at("self")) sum += value.get<std::int64_t>();
  EXPECT_EQ(sum, 1234);
  EXPECT_EQ(json.at("ledger").at(6).at(1), "not measurable");
}

// Events of each value of a facet, "" where a row has none.
std::map<std::string, std::int64_t> sums_by(const nlohmann::json& page, const std::string& facet) {
  std::map<std::string, std::int64_t> sums;
  const auto& facets = page.at("facets");
  for (std::size_t at = 0; at < facets.size(); ++at) {
    if (facets[at].at("name") != facet) continue;
    const auto& column = page.at("rows").at("facets").at(at);
    for (std::size_t row = 0; row < column.size(); ++row) {
      const auto index = column[row].get<std::int32_t>();
      const std::string value =
          index < 0 ? "" : facets[at].at("values").at(static_cast<std::size_t>(index));
      sums[value] += page.at("rows").at("values").at(0).at(row).get<std::int64_t>();
    }
  }
  return sums;
}

std::vector<std::string> facet_names(const nlohmann::json& page) {
  std::vector<std::string> names;
  for (const auto& facet : page.value("facets", nlohmann::json::array())) {
    names.push_back(facet.at("name"));
  }
  return names;
}

TEST(Html, RowsHaveEveryWeightOfEveryNode) {
  const profile::Profile profile = test::weighed_profile();
  const auto json = nlohmann::json::parse(data_of(write_html(profile, {})));
  EXPECT_FALSE(json.contains("self"));
  const auto& rows = json.at("rows");
  ASSERT_EQ(rows.at("values").size(), 4U);
  std::int64_t latency = 0;
  for (const auto& value : rows.at("values").at(1)) latency += value.get<std::int64_t>();
  EXPECT_EQ(latency, 61'704'200);
  std::size_t node = 0;
  for (const auto& step : rows.at("nodes")) node += step.get<std::size_t>();
  EXPECT_LT(node, json.at("levels").size());
  EXPECT_THAT(facet_names(json), ElementsAre("event", "filename", "thread"));
  EXPECT_EQ(rows.at("facets").size(), 3U);
  EXPECT_EQ(rows.at("sizes").size(), 2U);
}

TEST(Packed, HoldsWhatWasPutIn) {
  std::vector<std::int64_t> numbers{0, 0, 0, 1, 31, 32, 1023, 1024, 0, INT64_MAX, 0};
  for (int i = 0; i < 5000; ++i) numbers.push_back(i % 7 == 0 ? i : 0);
  Packer packer;
  for (const std::int64_t number : numbers) packer.add(static_cast<std::uint64_t>(number));
  const std::string text = std::move(packer).take();
  EXPECT_TRUE(text.starts_with("ACBfgB")) << text.substr(0, 20);  // 0 and two more; 1; 31; 32
  EXPECT_EQ(unpacked(text, numbers.size()), numbers);
  EXPECT_EQ(unpacked(text, numbers.size() - 1), std::nullopt);
  EXPECT_EQ(unpacked(text, numbers.size() + 1), std::nullopt);
  EXPECT_EQ(unpacked("", 0), std::vector<std::int64_t>{});
}

TEST(Packed, RefusesWhatNobodyPacked) {
  for (const char* bad :
       {"g", "A", "Ag", "<B", "\xff", "//////////////", "ggggggggggggI", "A//////////B"}) {
    EXPECT_EQ(unpacked(bad, 1), std::nullopt) << bad;
  }
}

// Pages of many nodes are packed; what reads pages reads them as it reads small ones.
TEST(Html, PagesOfManyNodesAreReadBack) {
  for (const profile::Profile& profile :
       {test::large_profile(30'000, 60), test::io_profile(30'000, 40), test::large_difference()}) {
    const std::string page = write_html(profile, {});
    const auto json = nlohmann::json::parse(data_of(page));
    EXPECT_EQ(json.at("version"), 2);
    EXPECT_TRUE(json.at("frames").is_string());
    const auto read = parse_profile(page);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(data_of(write_html(*read, {})), data_of(page));
    EXPECT_EQ(write_collapsed(*read, {.plain = true}), write_collapsed(profile, {.plain = true}));
  }
}

// Of a file of several processes: each has its rows, by number and by what it is called, also where
// their stacks are the same. Their starts are as many as they are, and of no use to choose by.
TEST(Html, RowsTellProcessesApart) {
  test::ProfileSketch s({});
  const auto main = s.frame(Native, "main");
  const auto open = s.frame(Native, "open64");
  const auto of = [&s](std::int64_t pid, const std::string& comm, const std::string& main_class) {
    std::vector<profile::Label> labels{s.label("pid", pid, ""),
                                       s.label("start", "2026-11-27T01:50:12." + comm),
                                       s.label("comm", comm)};
    if (!main_class.empty()) labels.push_back(s.label("main", main_class));
    return labels;
  };
  s.stack({main, open}, 1, of(7, "java", "app.Server"));
  s.stack({main, open}, 10, of(8, "java", "app.Client"));
  s.stack({main, open}, 100, of(9, "</script><b>", ""));
  s.stack({main}, 1000, of(9, "</script><b>", ""));
  s.stack({main, open}, 10000);  // of one that could not be told
  const std::string page = write_html(std::move(s).build(), {});
  const auto json = nlohmann::json::parse(data_of(page));
  EXPECT_THAT(facet_names(json), ElementsAre("comm", "main", "pid"));
  using Sums = std::map<std::string, std::int64_t>;
  EXPECT_EQ(sums_by(json, "pid"), (Sums{{"7", 1}, {"8", 10}, {"9", 1100}, {"", 10000}}));
  EXPECT_EQ(sums_by(json, "comm"), (Sums{{"java", 11}, {"</script><b>", 1100}, {"", 10000}}));
  EXPECT_EQ(sums_by(json, "main"), (Sums{{"app.Server", 1}, {"app.Client", 10}, {"", 11100}}));
  EXPECT_EQ(data_of(page).find_first_of("<>&"), std::string::npos);
}

TEST(Html, OneProcessIsNoChoice) {
  test::ProfileSketch s({});
  const auto main = s.frame(Native, "main");
  for (const std::int64_t events : {1, 2}) {
    s.stack({main, s.frame(Native, events == 1 ? "a" : "b")}, events,
            {s.label("pid", 7, ""), s.label("comm", "java")});
  }
  EXPECT_THAT(facet_names(nlohmann::json::parse(data_of(write_html(std::move(s).build(), {})))),
              testing::IsEmpty());
}

// A process that is known by nothing but its number is one all the same.
TEST(Html, ProcessesAreToldByTheirNumbersAlone) {
  test::ProfileSketch s({});
  const auto main = s.frame(Native, "main");
  for (std::int64_t pid = 1; pid <= 3000; ++pid) s.stack({main}, pid, {s.label("pid", pid, "")});
  const auto json = nlohmann::json::parse(data_of(write_html(std::move(s).build(), {})));
  const auto sums = sums_by(json, "pid");
  ASSERT_EQ(sums.size(), 3000U);
  for (const auto& [pid, events] : sums) EXPECT_EQ(std::to_string(events), pid);
}

TEST(Html, PagesWithoutLabelsHaveNoRows) {
  for (const auto& profile : {test::small_profiles()[1].profile, test::server_profile()}) {
    const auto json = nlohmann::json::parse(data_of(write_html(profile, {})));
    for (const char* key : {"rows", "weights", "facets", "sizes"}) {
      EXPECT_FALSE(json.contains(key)) << key;
    }
  }
}

TEST(Html, NoMarkupComesFromAProfile) {
  const std::string page = write_html(test::hostile_profile(), {});
  const std::string data = data_of(page);
  EXPECT_EQ(data.find_first_of("<>&"), std::string::npos);
  for (const char c : data) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
  EXPECT_EQ(occurrences(page, "<script"), occurrences(write_html({}, {}), "<script"));
  const auto json = nlohmann::json::parse(data);
  EXPECT_THAT(json.at("title").get<std::string>(), HasSubstr("</title><script>"));
  EXPECT_THAT(json.at("names").get<std::vector<std::string>>(),
              testing::Contains("</script><img src=x onerror=alert(1)>"));
}

TEST(Html, NoMarkupComesFromWeightsAndLabels) {
  const std::string page = write_html(test::hostile_weights_profile(), {});
  const std::string data = data_of(page);
  EXPECT_EQ(data.find_first_of("<>&"), std::string::npos);
  for (const char c : data) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
  EXPECT_EQ(occurrences(page, "<script"), occurrences(write_html({}, {}), "<script"));
  const auto json = nlohmann::json::parse(data);
  EXPECT_EQ(json.at("weights").at(1).at("type"), "</script><img src=x onerror=alert(1)>");
  EXPECT_TRUE(parse_profile(page).has_value());
}

// A row is a node, a value of each facet and weight and a bucket of each size: no texts.
TEST(Html, RowsAreNumbers) {
  const std::string page = write_html(test::io_profile(10'000, 100), {});
  EXPECT_LT(page.size() - write_html({}, {}).size(), 10'000 * 80U);
}

TEST(Html, PageIsTheTemplateWithHashesForItsPolicy) {
  const std::string_view page = flamegraph_page();
  EXPECT_THAT(page, Not(HasSubstr("-src 'unsafe-inline'")));
  EXPECT_EQ(occurrences(page, "-src 'sha256-"), 2U);
  EXPECT_EQ(occurrences(page, "<!--jtrace:profile-->"), 1U);
  EXPECT_EQ(occurrences(page, "<!--/jtrace:profile-->"), 1U);
  EXPECT_THAT(page, Not(HasSubstr("innerHTML")));
  EXPECT_THAT(page, Not(HasSubstr("http:")));
  EXPECT_THAT(page, Not(HasSubstr("https:")));
}

}  // namespace
}  // namespace jtrace::exporting
