// SPDX-License-Identifier: Apache-2.0
#include "serve/choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "support/sample_profiles.h"

namespace jtrace::serve {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

std::int64_t total(const profile::Profile& profile, std::size_t column = 0) {
  std::int64_t sum = 0;
  for (const auto& sample : profile.samples) sum += sample.values.at(column);
  return sum;
}

profile::Profile chosen(const Choice& choice) {
  auto profile = test::shared_profile();
  choose(profile, choice);
  return profile;
}

json choices(std::vector<profile::Profile> profiles, const Choice& choice = {}) {
  std::vector<const profile::Profile*> all;
  for (const auto& one : profiles) all.push_back(&one);
  return json::parse(choices_json(all, choice));
}

TEST(Choice, OneProcessOfThoseWithANumber) {
  EXPECT_EQ(total(chosen({})), 60);
  const auto one = chosen({.process = "42@2026-01-01T00:00:00.000Z"});
  EXPECT_EQ(total(one), 10);
  EXPECT_EQ(one.header.target, "one (pid 42)");
  EXPECT_EQ(one.comments.back(), "one process of several; the ledger is that of all");
  EXPECT_EQ(total(chosen({.process = "42@2026-01-02T00:00:00.000Z"})), 20);
  const auto java = chosen({.process = "43@2026-01-02T00:00:00.000Z"});
  EXPECT_EQ(total(java), 30);
  EXPECT_EQ(java.header.target, "app.Main (pid 43)");
}

TEST(Choice, WhatIsNotThereLeavesNothing) {
  for (const char* key : {"42", "42@", "9@2026-01-01T00:00:00.000Z", "x", "<b>"}) {
    EXPECT_EQ(total(chosen({.process = key})), 0) << key;
  }
  EXPECT_EQ(total(chosen({.event = "sched:sched_switch"})), 0);
  EXPECT_EQ(chosen({.weight = "latency"}).default_type, 0U);
}

TEST(Choice, EventAndWeight) {
  const auto java = chosen({.process = "43@2026-01-02T00:00:00.000Z",
                            .event = "syscalls:sys_enter_close",
                            .weight = "bytes"});
  EXPECT_EQ(total(java), 5);
  EXPECT_EQ(java.default_type, 1U);
  EXPECT_EQ(java.header.title, "syscalls:sys_enter_close");
}

TEST(Choice, WhatThereIsOfSeveralProfiles) {
  const auto list = choices({test::shared_profile(), test::shared_profile(2)});
  EXPECT_THAT(list["events"], ElementsAre("syscalls:sys_enter_openat", "syscalls:sys_enter_close"));
  EXPECT_THAT(list["weights"], ElementsAre("events", "bytes"));
  std::vector<std::string> names;
  for (const auto& one : list["processes"]) names.push_back(one["name"]);
  EXPECT_THAT(names, ElementsAre("app.Main (pid 43)", "two<b> (pid 42)", "one (pid 42)"));
  EXPECT_EQ(list["processes"][2]["key"], "42@2026-01-01T00:00:00.000Z");
  EXPECT_THAT(choices({test::server_profile()})["processes"], IsEmpty());
  EXPECT_FALSE(choices({test::hostile_profile()}).is_discarded());
}

// Those with most, and the one that is looked at.
TEST(Choice, OfManyProcessesTheList) {
  test::ProfileSketch sketch({});
  const auto frame = sketch.frame(profile::FrameKind::Native, "main");
  constexpr std::int64_t kMany = 1000;
  for (std::int64_t pid = 1; pid <= kMany; ++pid) {
    sketch.stack({frame}, pid, {sketch.label("pid", pid, "")});
  }
  const auto list = choices({std::move(sketch).build()}, {.process = "3"})["processes"];
  EXPECT_EQ(list.size(), kMostProcesses + 1);
  EXPECT_EQ(list.front()["key"], "1000");
  EXPECT_EQ(list.back()["key"], "3");
}

}  // namespace
}  // namespace jtrace::serve
