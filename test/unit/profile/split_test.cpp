// SPDX-License-Identifier: Apache-2.0
#include "profile/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "profile/profile_builder.h"

namespace jtrace::profile {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Whole {
 public:
  LocationId frame(const std::string& name) {
    Mapping mapping;
    mapping.filename = symbols_.string("lib" + name);
    Location location;
    location.mapping = symbols_.mapping(mapping);
    location.lines = {{.function = symbols_.function(name, "_" + name)}};
    return symbols_.location(location);
  }
  Label number(const std::string& key, std::int64_t value, const std::string& unit = "") {
    return {.key = symbols_.string(key), .str = {}, .num = value, .unit = symbols_.string(unit)};
  }
  Label text(const std::string& key, const std::string& value) {
    return {.key = symbols_.string(key), .str = symbols_.string(value)};
  }
  void add(std::vector<LocationId> frames, std::int64_t events, std::vector<Label> labels) {
    builder_.add({std::move(frames), {events, 100 * events}, std::move(labels)});
  }
  Profile build() { return std::move(builder_).build(symbols_, {}); }

 private:
  static Header header() {
    Header header;
    header.target = "every process";
    return header;
  }
  SymbolTable symbols_;
  ProfileBuilder builder_{header(), {{"events", "count"}, {"bytes", "bytes"}}};
};

// A sample in words: whose it is, what it is, how much.
using Words = std::map<std::string, std::vector<std::int64_t>>;

void add(Words& to, const Profile& profile) {
  for (const Sample& sample : profile.samples) {
    const auto process =
        profile.header.process ? profile.header.process : process_of(profile, sample);
    std::string key = process ? std::to_string(process->pid) + process->comm + process->start : "-";
    for (const LocationId id : sample.locations) {
      const Location& location = profile.locations.at(id.value);
      const Function& function = profile.functions.at(location.lines.at(0).function.value);
      key += ";" + std::string(profile.string(function.name)) +
             std::string(profile.string(function.system_name)) +
             std::string(profile.string(profile.mappings.at(location.mapping.value).filename));
    }
    for (const Label& label : sample.labels) {
      if (is_process_label(profile.string(label.key)) && process) continue;
      key += "|" + std::string(profile.string(label.key)) + std::string(profile.string(label.str)) +
             std::to_string(label.num) + std::string(profile.string(label.unit));
    }
    auto& sums = to[key];
    sums.resize(sample.values.size());
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += sample.values[i];
  }
}

TEST(SplitByProcess, partsAddUpToTheWhole) {
  std::mt19937 random(20261127);
  const auto pick = [&](int most) { return static_cast<int>(random() % most); };
  Whole whole;
  for (int i = 0; i < 5'000; ++i) {
    std::vector<LocationId> frames;
    for (int depth = pick(6); depth >= 0; --depth) {
      frames.push_back(whole.frame("f" + std::to_string(pick(40))));
    }
    std::vector<Label> labels{whole.text("event", "e" + std::to_string(pick(2))),
                              whole.number("latency", 1 << pick(4), "nanoseconds")};
    if (const int pid = pick(100); pid != 0) {
      labels.push_back(whole.number("pid", pid));
      labels.push_back(whole.text("comm", "c" + std::to_string(pid)));
    }
    whole.add(std::move(frames), 1 + pick(9), std::move(labels));
  }
  const Profile profile = whole.build();
  Words expected;
  add(expected, profile);
  for (const std::size_t most : {0UZ, 1UZ, 64UZ, 1000UZ}) {
    const auto parts = split_by_process(profile, most);
    EXPECT_THAT(parts, SizeIs(std::min(most, 99UZ) + 1));
    Words sum;
    for (const Profile& part : parts) add(sum, part);
    EXPECT_EQ(sum, expected) << most;
  }
}

TEST(SplitByProcess, theLargestComeFirstAndHaveTheirOwnTables) {
  Whole whole;
  const auto labels = [&](std::int64_t pid, const std::string& main) {
    return std::vector{whole.number("pid", pid), whole.text("comm", "java"),
                       whole.text("main", main), whole.text("container", "c0ffee"),
                       whole.text("filename", "/x")};
  };
  whole.add({whole.frame("small")}, 1, labels(7, "Small"));
  whole.add({whole.frame("big")}, 9, labels(8, "Big"));
  whole.add({whole.frame("big"), whole.frame("start")}, 1, labels(8, "Big"));
  whole.add({whole.frame("tiny")}, 1, {whole.number("pid", 9)});
  const auto parts = split_by_process(whole.build(), 2);
  ASSERT_THAT(parts, SizeIs(3));
  const Profile& big = parts[0];
  EXPECT_EQ(big.header.process, (Process{.pid = 8,
                                         .start = "",
                                         .comm = "java",
                                         .main = "Big",
                                         .container = "c0ffee",
                                         .cgroup = "",
                                         .pod = ""}));
  EXPECT_EQ(big.header.target, "java (pid 8)");
  EXPECT_THAT(big.samples, SizeIs(2));
  EXPECT_THAT(big.functions, SizeIs(3)) << "none, big, start";
  ASSERT_THAT(big.samples[0].labels, SizeIs(1)) << "those of the process are in the header";
  EXPECT_EQ(big.string(big.samples[0].labels[0].key), "filename");
  EXPECT_EQ(parts[1].header.process->main, "Small");
  EXPECT_FALSE(parts[2].header.process);
  EXPECT_EQ(parts[2].header.target, "every process, the rest");
  ASSERT_THAT(parts[2].samples, SizeIs(1));
  EXPECT_THAT(parts[2].samples[0].labels, SizeIs(1)) << "it says whose it is";
}

TEST(SplitByProcess, oneNumberTwiceIsTwoProcesses) {
  Whole whole;
  for (const auto* start : {"2026-11-27T01:00:00.000Z", "2026-11-27T01:00:01.000Z"}) {
    whole.add({whole.frame("f")}, 1, {whole.number("pid", 7), whole.text("start", start)});
  }
  EXPECT_THAT(split_by_process(whole.build(), 64), SizeIs(2));
}

// --by pid, comm: fields of events, whose values are texts.
TEST(SplitByProcess, aProfileOfOneProcessStaysWhatItIs) {
  Whole whole;
  whole.add({whole.frame("f")}, 2, {whole.text("pid", "7"), whole.text("comm", "x")});
  whole.add({}, 1, {whole.number("pid", 7, "count")});
  const Profile profile = whole.build();
  const auto parts = split_by_process(profile, 64);
  ASSERT_THAT(parts, SizeIs(1));
  EXPECT_EQ(parts[0].header.target, "every process");
  EXPECT_EQ(parts[0].strings, profile.strings);
  EXPECT_THAT(parts[0].samples[0].values, ElementsAre(1, 100));
}

TEST(SplitByProcess, nothingIsOnePart) {
  const auto parts = split_by_process(Whole().build(), 64);
  ASSERT_THAT(parts, SizeIs(1));
  EXPECT_THAT(parts[0].samples, IsEmpty());
}

}  // namespace
}  // namespace jtrace::profile
