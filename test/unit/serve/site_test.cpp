// SPDX-License-Identifier: Apache-2.0
#include "serve/site.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "export/exporter.h"
#include "support/sample_profiles.h"

namespace jtrace::serve {
namespace {

class SiteTest : public testing::Test {
 protected:
  [[nodiscard]] Reply answer(const std::string& path, Request request = {},
                             Site::Part part = Site::Part::All) const {
    if (request.method.empty()) request.method = "GET";
    if (request.host.empty()) request.host = "localhost";
    request.path = path;
    return Site(windows_, metrics_, {.token = token_, .secret = "cookie", .name = "build-7"})
        .answer(request, part);
  }
  [[nodiscard]] unsigned status(const std::string& path, Request request = {},
                                Site::Part part = Site::Part::All) const {
    return answer(path, std::move(request), part).status;
  }
  Windows windows_{9, 1U << 20};
  std::string metrics_ = "up 1\n";
  std::string token_;
};

TEST_F(SiteTest, WhoAsksByAnotherNameIsRefusedFirst) {
  EXPECT_EQ(status("/metrics", {.host = "evil.example"}), 421);
  token_ = "token";
  EXPECT_EQ(status("/", {.query = {{"token", "token"}}, .host = "evil.example"}), 421);
}

TEST_F(SiteTest, TokenOrCookie) {
  token_ = "token";
  for (const auto part : {Site::Part::All, Site::Part::Metrics}) {
    EXPECT_EQ(status("/metrics", {}, part), 401);
    EXPECT_EQ(status("/metrics", {.authorization = "Bearer token"}, part), 200);
    EXPECT_EQ(status("/metrics", {.authorization = "Bearer cookie"}, part), 401);
    EXPECT_EQ(status("/metrics", {.cookie = "a=b;  jtrace_session=cookie"}, part), 200);
    EXPECT_EQ(status("/metrics", {.cookie = "jtrace_session=token"}, part), 401);
    EXPECT_EQ(status("/metrics", {.cookie = "xjtrace_session=cookie"}, part), 401);
    EXPECT_EQ(status("/nothing", {}, part), 401);
  }
  EXPECT_EQ(status("/", {.query = {{"token", "token"}}}), 303);
  EXPECT_EQ(status("/", {.query = {{"token", "token"}}}, Site::Part::Metrics), 401);
  EXPECT_EQ(status("/", {.query = {{"token", ""}}}), 401);
  EXPECT_EQ(status("/api/windows", {.query = {{"token", "token"}}}), 401);
}

TEST_F(SiteTest, WithoutATokenNobodyBringsOne) {
  EXPECT_EQ(status("/", {.query = {{"token", ""}}}), 200);
  EXPECT_EQ(status("/", {.authorization = "Bearer "}), 200);
}

// Who asks for the window that goes on has it made anew; who may not ask has not.
TEST_F(SiteTest, WhoLooksAtTheLiveWindowIsATracersBusiness) {
  const auto watches = [this](const std::string& path, std::map<std::string, std::string> query) {
    return answer(path, {.query = std::move(query)}).watches;
  };
  EXPECT_TRUE(watches("/api/windows", {{"live", "1"}}));
  EXPECT_FALSE(watches("/api/windows", {}));
  EXPECT_TRUE(watches("/window/live.html", {}));
  EXPECT_TRUE(watches("/window/live.json", {}));
  EXPECT_FALSE(watches("/window/1.html", {}));
  EXPECT_TRUE(watches("/merged", {{"from", "1"}, {"to", "live"}}));
  EXPECT_FALSE(watches("/merged", {{"from", "1"}, {"to", "2"}}));
  EXPECT_TRUE(watches("/diff", {{"base", "live"}, {"new", "1"}}));
  EXPECT_TRUE(watches("/diff", {{"base", "1"}, {"new", "1-live"}}));
  EXPECT_FALSE(watches("/diff", {{"base", "1"}, {"new", "2"}}));
  for (const char* path : {"/", "/graph.html", "/metrics", "/nothing"})
    EXPECT_FALSE(watches(path, {}));
  token_ = "token";
  EXPECT_FALSE(watches("/api/windows", {{"live", "1"}}));
  EXPECT_FALSE(watches("/window/live.json", {}));
  EXPECT_FALSE(answer("/window/live.json", {.host = "evil.example"}).watches);
}

TEST_F(SiteTest, TheLiveWindowIsThereOnceItWasLookedAt) {
  const auto json = (*exporting::exporter_by_name("json"))->write(test::server_profile(), {});
  EXPECT_EQ(status("/graph.html"), 200);
  EXPECT_EQ(status("/window/live.json"), 404);
  windows_.set_live({}, json);
  EXPECT_EQ(answer("/window/live.json").body, json);
  EXPECT_EQ(status("/window/live.html"), 200);
  EXPECT_EQ(status("/window/live.exe"), 404);
  EXPECT_EQ(status("/merged", {.query = {{"from", "1"}, {"to", "live"}}}), 200);
  EXPECT_EQ(status("/merged", {.query = {{"from", "live"}, {"to", "live"}}}), 400);
  windows_.add({}, json);
  EXPECT_EQ(status("/window/live.json"), 404);
  EXPECT_EQ(status("/window/1.json"), 200);
}

TEST_F(SiteTest, WindowsOfDifferentWeightsAreNotOne) {
  const auto* json = *exporting::exporter_by_name("json");
  windows_.add({}, json->write(test::weighed_profile(), {}));
  windows_.add({}, json->write(test::server_profile(), {}));
  windows_.add({}, "no profile");
  EXPECT_EQ(status("/merged", {.query = {{"from", "1"}, {"to", "2"}}}), 404);
  EXPECT_EQ(status("/diff", {.query = {{"base", "1"}, {"new", "2"}}}), 404);
  EXPECT_EQ(status("/diff", {.query = {{"base", "2"}, {"new", "2"}}}), 200);
  EXPECT_EQ(status("/window/2.html"), 200);
  EXPECT_NE(status("/window/3.html"), 200);
}

}  // namespace
}  // namespace jtrace::serve
