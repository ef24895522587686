// SPDX-License-Identifier: Apache-2.0
#include "export/reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>

#include "export/diff.h"
#include "export/formats.h"
#include "export/gzip.h"
#include "export/protobuf_writer.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view bytes) {
  const auto profile = parse_profile(bytes);
  return profile ? "" : profile.error().message;
}

TEST(Reader, CollapsedComesBackTheSame) {
  for (const auto& named : test::small_profiles()) {
    const std::string written = write_collapsed(named.profile, {});
    const auto read = parse_profile(written);
    ASSERT_TRUE(read.has_value()) << named.name << ": " << read.error().message;
    if (named.name == "hostile") continue;  // its longest name is cut
    EXPECT_EQ(write_collapsed(*read, {}), written) << named.name;
  }
}

TEST(Reader, JsonComesBackTheSame) {
  for (const auto& named : test::small_profiles()) {
    const auto read = parse_profile(write_json(named.profile, {}));
    ASSERT_TRUE(read.has_value()) << named.name << ": " << read.error().message;
    if (named.name == "hostile") continue;  // its longest name is cut
    EXPECT_EQ(write_collapsed(*read, {}), write_collapsed(named.profile, {})) << named.name;
    EXPECT_EQ(read->header.title, named.profile.header.title);
    EXPECT_EQ(read->header.start, named.profile.header.start);
    EXPECT_EQ(read->ledger.lines.size(), named.profile.ledger.lines.size());
  }
}

TEST(Reader, PprofComesBackButForKinds) {
  for (const auto& named : test::small_profiles()) {
    const auto read = parse_profile(write_pprof(named.profile, {}));
    ASSERT_TRUE(read.has_value()) << named.name << ": " << read.error().message;
    if (named.name == "hostile") continue;
    EXPECT_EQ(write_collapsed(*read, {.plain = true}),
              write_collapsed(named.profile, {.plain = true}))
        << named.name;
    EXPECT_EQ(read->header.duration, named.profile.header.duration);
    EXPECT_EQ(read->ledger.lines.size(), named.profile.ledger.lines.size());
    EXPECT_EQ(read->ledger.balanced, named.profile.ledger.balanced);
  }
}

// What a sample says apart from its frames, as text.
std::vector<std::string> weights_of(const profile::Profile& profile) {
  std::vector<std::string> all;
  for (const profile::Sample& sample : profile.samples) {
    std::string text;
    for (const std::int64_t value : sample.values) text += std::to_string(value) + " ";
    std::set<std::string> labels;
    for (const profile::Label& label : sample.labels) {
      labels.insert(
          std::string(profile.string(label.key)) + "=" +
          (label.is_number() ? std::to_string(label.num) : std::string(profile.string(label.str))) +
          " " + std::string(profile.string(label.unit)));
    }
    for (const std::string& label : labels) text += label + "; ";
    all.push_back(std::move(text));
  }
  std::ranges::sort(all);
  return all;
}

TEST(Reader, WeightsAndLabelsComeBack) {
  const profile::Profile profile = test::weighed_profile();
  const auto weights = weights_of(profile);
  ASSERT_EQ(weights.size(), 7U);
  for (const std::string& bytes : {write_json(profile, {}), write_pprof(profile, {})}) {
    const auto read = parse_profile(bytes);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->sample_types, profile.sample_types);
    EXPECT_EQ(read->default_type, 1U);
    EXPECT_EQ(weights_of(*read), weights);
    const auto again = parse_profile(write_json(*read, {}));
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(weights_of(*again), weights);
  }
}

TEST(Reader, PageHasWeightsAndLabels) {
  const profile::Profile profile = test::weighed_profile();
  const auto read = parse_profile(write_html(profile, {}));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->sample_types, profile.sample_types);
  EXPECT_EQ(read->default_type, 1U);
  EXPECT_EQ(weights_of(*read), weights_of(profile));
}

TEST(Reader, DamagedRowsAreRefused) {
  const std::string page = write_html(test::weighed_profile(), {});
  const auto with = [&](std::string_view key, const std::string& value) {
    std::string bad = page;
    const auto at = bad.find(key) + key.size();
    bad.replace(at, bad.find_first_of(",]}", at) - at, value);
    return error_of(bad);
  };
  for (const char* step : {"-1", "4000000000", "9999999"}) {
    EXPECT_THAT(with("\"rows\":{\"nodes\":[", step), HasSubstr("damaged")) << step;
  }
  EXPECT_THAT(with("\"rows\":{\"nodes\":[", "1,1"), HasSubstr("damaged"));
  EXPECT_THAT(with("\"rows\":{\"nodes\":", "{}"), HasSubstr("damaged"));
}

TEST(Reader, PageComesBack) {
  for (const auto& named : test::small_profiles()) {
    const auto read = parse_profile(write_html(named.profile, {}));
    ASSERT_TRUE(read.has_value()) << named.name << ": " << read.error().message;
    if (named.name == "hostile") continue;
    EXPECT_EQ(write_collapsed(*read, {.plain = true}),
              write_collapsed(named.profile, {.plain = true}))
        << named.name;
    EXPECT_EQ(read->header.start, named.profile.header.start);
    EXPECT_EQ(read->header.duration, named.profile.header.duration);
    ASSERT_EQ(read->ledger.lines.size(), named.profile.ledger.lines.size());
    EXPECT_EQ(read->ledger.balanced, named.profile.ledger.balanced);
    for (std::size_t i = 0; i < read->ledger.lines.size(); ++i) {
      const profile::LedgerLine& line = named.profile.ledger.lines[i];
      EXPECT_EQ(read->ledger.lines[i].name, line.name);
      EXPECT_EQ(read->ledger.lines[i].measurable, line.measurable);
      EXPECT_EQ(read->ledger.lines[i].count, line.measurable ? line.count : 0);
    }
  }
}

TEST(Reader, CollapsedOfOtherToolsIsRead) {
  const auto read = parse_profile("# comment\r\n\r\nmain;java.util.List.add_[j];a b 12\r\nmain 3");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(write_collapsed(*read, {}), "main 3\nmain;java.util.List.add_[j];a b 12\n");
}

TEST(Reader, CollapsedErrorsNameTheLine) {
  EXPECT_THAT(error_of("a 1\nb\n"), HasSubstr("line 2: no 'stack count'"));
  EXPECT_THAT(error_of("a x\n"), HasSubstr("line 1: the count is no integer"));
  EXPECT_THAT(error_of("a 99999999999999999999\n"), HasSubstr("no integer"));
}

TEST(Reader, TwoColumnsAreADifference) {
  const auto read = parse_profile("main;a b 12 3\n# comment\nmain;gone 4 0\r\nmain 7;fresh 0 5\n");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_TRUE(is_difference(*read));
  EXPECT_EQ(write_collapsed(*read, {}), "main;a b 12 3\nmain;gone 4 0\nmain 7;fresh 0 5\n");
  // A name that ends in a number makes no difference of a profile.
  const auto one = parse_profile("main;a 12 3\nmain;b 4\n");
  ASSERT_TRUE(one.has_value());
  EXPECT_FALSE(is_difference(*one));
  EXPECT_EQ(write_collapsed(*one, {}), "main;a 12 3\nmain;b 4\n");
}

TEST(Reader, ErrorsInTwoColumnsNameTheLine) {
  EXPECT_THAT(error_of("a 1 2\nb 3\nc 4 5\n"), HasSubstr("line 2: one count, where most lines"));
  EXPECT_THAT(error_of("a 1 2\nb 4 5\nc 3 x\n"), HasSubstr("line 3: the count is no integer"));
  EXPECT_THAT(error_of("a 1 2\nb 4 5\nc\n"), HasSubstr("line 3: no 'stack base new'"));
  EXPECT_THAT(error_of("a 1 2\nb -4 5\n"), HasSubstr("line 2: a count of a difference is below"));
  EXPECT_THAT(error_of("a 1 2\nb 1.5 5\nc 1 2\n"), HasSubstr("line 2: one count"));
  EXPECT_THAT(error_of("1 2\na 1 2\nb 1 2\n"), HasSubstr("line 1: one count"));
}

TEST(Reader, DamagedPackedPagesAreRefused) {
  const auto page = [](std::string_view nodes, std::string_view up, std::string_view frames,
                       std::string_view rest = R"("self":"ABB")") {
    return fmt::format(R"(<!doctype html><script type="application/json" id="profile">)"
                       R"({{"version":2,"kinds":["native"],"names":["a","b"],"name_kinds":[0,0],)"
                       R"("nodes":{},"up":"{}","frames":"{}",{}}}</script>)",
                       nodes, up, frames, rest);
  };
  // a calls b, and b once more: the last is one level above what would be below the second.
  EXPECT_EQ(error_of(page("3", "ABB", "AABB")), "");
  for (const std::string& bad :
       {page("3", "ABD", "AABB"), page("3", "ABB", "AABC"), page("4", "ABB", "AABB"),
        page("2", "ABB", "AABB"), page("-1", "", ""), page("\"3\"", "ABB", "AABB"),
        page("99999999999", "A//////B", "A//////B", R"("self":"A//////B")"),
        page("3", "ABB", "AABB", R"("self":[0,0,1])"), page("3", "ABB", "AABB", R"("rows":{})"),
        page("3", "ABB", "AABB", R"("rows":7)"), page("3", "ABB", "AABB", R"("rest":0)"),
        page("3", "ABB", "AABB",
             R"("rows":{"size":1,"nodes":"C","facets":[7],"sizes":[],"values":[]})")}) {
    EXPECT_THAT(error_of(bad), HasSubstr("damaged")) << bad;
  }
}

TEST(Reader, OtherJsonAndPagesAreRefused) {
  EXPECT_THAT(error_of("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of("{}"), HasSubstr("not jtrace's"));
  EXPECT_THAT(error_of("<!doctype html>"), HasSubstr("not jtrace's"));
  EXPECT_THAT(error_of(R"({"jtrace":1,"stacks":[{"frames":[0]}]})"), HasSubstr("damaged"));
  EXPECT_EQ(error_of(R"({"jtrace":1,"header":[],"frames":{"a":[]},"stacks":[[]]})"), "");
  EXPECT_THAT(error_of(gzip(gzip("a 1\n"))), HasSubstr("gzip inside of gzip"));
}

TEST(Reader, PprofStacksThatMultiplyAreRefused) {
  ProtobufWriter file;
  ProtobufWriter type;
  type.number(1, std::uint64_t{1});
  file.element(1, type);
  ProtobufWriter location;
  location.number(1, std::uint64_t{1});
  for (int i = 0; i < 10'000; ++i) location.element(4, "");
  file.element(4, location);
  ProtobufWriter sample;
  const std::vector<std::uint64_t> ids(10'000, 1);
  sample.packed<std::uint64_t>(1, ids);
  sample.element(2, std::string_view("\x01", 1));
  file.element(2, sample);
  file.element(6, "");
  file.element(6, "events");
  EXPECT_THAT(error_of(gzip(file.bytes())), HasSubstr("more frames"));
}

TEST(Reader, DamageIsAnErrorOrAProfile) {
  std::mt19937 random{5};
  const auto profile = test::small_profiles()[3].profile;
  const auto pprof = gunzip(write_pprof(profile, {}), 1 << 20);
  ASSERT_TRUE(pprof.has_value());
  for (const std::string& good : {write_json(profile, {}), write_collapsed(profile, {}), *pprof}) {
    for (int i = 0; i < 2000; ++i) {
      std::string bad = good.substr(0, 1 + random() % good.size());
      bad[random() % bad.size()] = static_cast<char>(random());
      if (const auto read = parse_profile(bad)) (void)write_collapsed(*read, {});
    }
  }
}

}  // namespace
}  // namespace jtrace::exporting
