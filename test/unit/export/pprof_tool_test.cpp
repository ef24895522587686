// SPDX-License-Identifier: Apache-2.0
// What Go's pprof (Debian's golang-go) makes of the files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "export/formats.h"
#include "support/sample_differences.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

namespace fs = std::filesystem;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen((command + " 2>&1").c_str(), "r"),
                                                   ::pclose);
  std::string text;
  std::array<char, 4096> part{};
  while (pipe) {
    const std::size_t n = std::fread(part.data(), 1, part.size(), pipe.get());
    if (n == 0) break;
    text.append(part.data(), n);
  }
  return text;
}

class PprofTool : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v go >/dev/null 2>&1") == 0) return;
    const char* required = std::getenv("JTRACE_REQUIRE");
    if (required != nullptr && std::string(required).find("tools") != std::string::npos) {
      FAIL() << "no go on PATH, but JTRACE_REQUIRE names tools";
    }
    GTEST_SKIP() << "no go on PATH (package golang-go)";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string run(const std::string& flags, const profile::Profile& profile) {
    fs::create_directories(folder_);
    const fs::path file = folder_ / "profile.pb.gz";
    std::ofstream(file, std::ios::binary) << write_pprof(profile, {});
    return output_of("HOME=" + folder_.string() + " PPROF_TMPDIR=" + folder_.string() +
                     " GOFLAGS=-mod=mod go tool pprof -symbolize=none " + flags + " " +
                     file.string());
  }

  fs::path folder_ = fs::path(testing::TempDir()) / ("jtrace-pprof-" + std::to_string(::getpid()));
};

TEST_F(PprofTool, TopHasTheTotalsOfTheProfile) {
  const std::string text = run("-top", test::small_profiles()[1].profile);
  EXPECT_THAT(text, HasSubstr("Type: events"));
  EXPECT_THAT(text, HasSubstr("Duration: 30.25s"));
  EXPECT_THAT(text, HasSubstr("of 1234 total"));
  EXPECT_THAT(text, ContainsRegex("1200 97.24% 97.24% +1234 +100% +open64"));
  EXPECT_THAT(text, ContainsRegex("0 +0% +100% +1200 97.24% +app/Server.handle \\(inline\\)"));
}

TEST_F(PprofTool, RawHasEveryLineAndLabel) {
  const std::string text = run("-raw", test::small_profiles()[3].profile);
  EXPECT_THAT(text, HasSubstr("event:[syscalls:sys_enter_openat]"));
  EXPECT_THAT(text, HasSubstr("thread:[[worker tid=13]]"));
  EXPECT_THAT(text, HasSubstr("Comment: ledger: fired = 1310")) << text;
}

TEST_F(PprofTool, KnowsEveryWeightAndItsUnit) {
  const profile::Profile weighed = test::weighed_profile();
  const std::string text = run("-top", weighed);  // the default is what was asked for
  EXPECT_THAT(text, HasSubstr("Type: latency"));
  EXPECT_THAT(text, ContainsRegex("of 61.70ms total"));
  EXPECT_THAT(text, ContainsRegex("60ms 97.2[0-9]% .* filename=/data/cold"));
  EXPECT_THAT(run("-top -sample_index=bytes", weighed), ContainsRegex("of 5.40MB total"));
  EXPECT_THAT(run("-top -sample_index=events", weighed), HasSubstr("of 1067 total"));
  EXPECT_THAT(run("-top -sample_index=errors", weighed), HasSubstr("of 7 total"));
}

TEST_F(PprofTool, TagsHaveUnits) {
  const std::string text = run("-sample_index=latency -tags", test::weighed_profile());
  for (const char* wanted : {"latency: Total", "8.39ms", "1.05ms", "filename: Total", "/data/cold",
                             "thread: Total", "event: Total", "bytes: Total", "64kB"}) {
    EXPECT_THAT(text, HasSubstr(wanted));
  }
  EXPECT_THAT(run("-top -sample_index=events -tagfocus=latency=1ms:", test::weighed_profile()),
              HasSubstr("15, 1.41% of 1067 total"));
}

TEST_F(PprofTool, ADifferenceIsAsOfDiffBase) {
  const std::string text = run("-top -cum", test::small_differences().front().profile);
  EXPECT_THAT(text, HasSubstr("Type: delta"));
  EXPECT_THAT(text, HasSubstr("of 1000 total"));  // of the base
  EXPECT_THAT(text, ContainsRegex("700 70.00% [ 0-9.%]+ +700 70.00% +openat64"));
  EXPECT_THAT(text, ContainsRegex("-200 20.00% [ 0-9.%]+ +-200 20.00% +open64"));
  EXPECT_THAT(text, ContainsRegex(" -200 20.00% +app/Old.path"));
  EXPECT_THAT(text, ContainsRegex(" -240 24.00% +app/Audit.log"));
  EXPECT_THAT(text, ContainsRegex(" \\+?240 24.00% +app/Cache.miss"));
}

TEST_F(PprofTool, TakesHostileAndEmptyProfiles) {
  EXPECT_THAT(run("-raw", test::hostile_profile()), HasSubstr("Samples:\nevents/count"));
  EXPECT_THAT(run("-raw", test::small_profiles()[0].profile), HasSubstr("events/count"));
  EXPECT_THAT(run("-top", test::small_profiles()[2].profile), HasSubstr("libfoo.so.1+0x1234"));
}

}  // namespace
}  // namespace jtrace::exporting
