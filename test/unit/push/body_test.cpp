// SPDX-License-Identifier: Apache-2.0
#include "push/body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "profile/profile_builder.h"

namespace jtrace::push {
namespace {

using nlohmann::json;
using testing::SizeIs;

profile::Profile of_processes(int processes) {
  profile::SymbolTable symbols;
  profile::Header header;
  header.title = "syscalls:sys_enter_openat";
  header.target = "every process";
  header.host = "h";
  profile::ProfileBuilder builder(header, {{"events", "count"}});
  const auto text = [&](const char* key, const std::string& value) {
    return profile::Label{.key = symbols.string(key), .str = symbols.string(value)};
  };
  for (int pid = 1; pid <= processes; ++pid) {
    builder.add({.locations = {},
                 .values = {pid},
                 .labels = {{.key = symbols.string("pid"), .str = {}, .num = pid},
                            text("comm", "java"),
                            text("main", "<b>Main\xff" + std::to_string(pid)),
                            text("container", "c0ffee")}});
  }
  return std::move(builder).build(symbols, {});
}

std::map<std::string, std::string> labels_of(const std::string& body) {
  std::map<std::string, std::string> labels;
  const json parsed = json::parse(body);
  for (const json& label : parsed["series"][0]["labels"]["labels"]) {
    EXPECT_TRUE(labels.emplace(label["name"], label["value"]).second);
  }
  return labels;
}

TEST(MakeBodies, eachProcessHasItsOwnLabels) {
  const auto bodies = make_bodies(Backend::Parca, of_processes(2));
  ASSERT_THAT(bodies, SizeIs(2));
  const std::map<std::string, std::string> expected{{"__name__", "jtrace"},
                                                    {"service_name", "<b>Main\\xff2"},
                                                    {"pid", "2"},
                                                    {"comm", "java"},
                                                    {"main", "<b>Main\\xff2"},
                                                    {"container", "c0ffee"},
                                                    {"host", "h"},
                                                    {"event", "syscalls:sys_enter_openat"}};
  EXPECT_EQ(labels_of(bodies[0]), expected);
  EXPECT_EQ(labels_of(bodies[1])["pid"], "1");
}

TEST(MakeBodies, theSmallestAreTogether) {
  const auto bodies = make_bodies(Backend::Parca, of_processes(kMostBodies + 9));
  ASSERT_THAT(bodies, SizeIs(kMostBodies + 1));
  EXPECT_FALSE(labels_of(bodies.back()).contains("pid"));
  EXPECT_EQ(labels_of(bodies.back())["service_name"], "every process, the rest");
  EXPECT_EQ(labels_of(bodies.front())["pid"], std::to_string(kMostBodies + 9));
}

}  // namespace
}  // namespace jtrace::push
