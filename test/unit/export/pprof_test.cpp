// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "export/beside.h"
#include "export/exporter.h"
#include "export/formats.h"
#include "export/gzip.h"
#include "export/protobuf_writer.h"
#include "export/reader.h"
#include "support/pprof_dump.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using enum profile::FrameKind;
using test::ProfileSketch;

std::string dumped(const profile::Profile& profile) {
  return test::pprof_dump(write_pprof(profile, {}));
}

TEST(Pprof, LeafFirstAndInlinedLinesInOneLocation) {
  ProfileSketch s({});
  s.stack({s.frame(Native, "root"), s.inlined({{JavaC2, "A.outer"}, {JavaInlined, "A.inner"}})}, 3);
  const std::string text = dumped(std::move(s).build());
  // Strings are numbered as they are met.
  EXPECT_THAT(text, HasSubstr("string: \nstring: events\nstring: count\n"));
  EXPECT_THAT(text, HasSubstr("sample.location: 2 3\nsample.value: 3\n"));
  EXPECT_THAT(text, HasSubstr("location.id: 2\nlocation.mapping: 1\n"
                              "location.line {\nlocation.line.function: 1\n}\n"
                              "location.line {\nlocation.line.function: 2\n}\n}\n"));
  EXPECT_THAT(text, HasSubstr("function.id: 2\nfunction.name: 4\nfunction.system_name: 4\n"));
  EXPECT_THAT(text, HasSubstr("string: A.inner\nstring: A.outer\nstring: root\n"));
}

TEST(Pprof, FramesWithoutASampleAreNotWritten) {
  ProfileSketch s({});
  (void)s.frame(Native, "never_called");
  s.stack({s.frame(Native, "called")}, 1);
  EXPECT_THAT(dumped(std::move(s).build()), Not(HasSubstr("never_called")));
}

TEST(Pprof, MappingsTellTheKernelAndJavaApart) {
  const std::string text = dumped(test::small_profiles()[1].profile);
  EXPECT_THAT(text, HasSubstr("string: [kernel.kallsyms]\n"));
  EXPECT_THAT(text, HasSubstr("string: [java]\n"));
}

TEST(Pprof, LedgerIsAComment) {
  const std::string text = dumped(test::small_profiles()[1].profile);
  EXPECT_THAT(text, HasSubstr("string: jtrace profile\n"));
  EXPECT_THAT(text, HasSubstr("string: ledger: fired = 1310\n"));
  EXPECT_THAT(text, HasSubstr("string: ledger:   recursion = not measurable\n"));
}

// Collapsed text is sorted in a way of its own.
TEST(Pprof, ALargeOneThatIsWrittenByTwoIsWhole) {
  for (const bool labelled : {false, true}) {
    ProfileSketch s({});
    std::vector<profile::LocationId> frames;
    for (int i = 0; i < 60; ++i) frames.push_back(s.frame(Native, "f" + std::to_string(i)));
    const profile::Label label = s.label("pid", 7, "");
    for (std::size_t i = 0; i < 130'000; ++i) {
      const bool has_label = labelled && i % 2 == 0;
      s.stack({frames[i % 59], frames[i / 59 % 53], frames[i / 59 / 53]},
              static_cast<std::int64_t>(i % 7 + 1),
              has_label ? std::vector{label} : std::vector<profile::Label>{});
    }
    s.stack({}, 5);
    const profile::Profile profile = std::move(s).build();
    ASSERT_TRUE(is_large(profile));
    const auto text = [](const profile::Profile& of) {
      const auto collapsed = exporter_by_name("collapsed");
      return collapsed ? (*collapsed)->write(of, {}) : "";
    };
    const auto read = parse_profile(write_pprof(profile, {}));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_GT(text(profile).size(), 1'000'000U);
    EXPECT_TRUE(text(*read) == text(profile));
  }
}

TEST(Pprof, HeaderOfGzipHasNoTime) {
  const std::string file = write_pprof(test::server_profile(), {});
  // No flag, so no name either; what follows tells level and system.
  EXPECT_EQ(file.substr(0, 8), std::string("\x1f\x8b\x08\0\0\0\0\0", 8));
}

TEST(Gzip, GivesBackWhatItTook) {
  std::string bytes;
  for (int i = 0; i < 300'000; ++i) bytes += std::to_string(i % 1000 * 7919);
  for (const std::string& in : {std::string(), std::string("a"), bytes}) {
    const auto out = gunzip(gzip(in), 16U << 20);
    ASSERT_TRUE(out.has_value()) << out.error().message;
    EXPECT_TRUE(*out == in);
  }
}

TEST(Gzip, ABombIsNotUnpacked) {
  const auto out = gunzip(gzip(std::string(32U << 20, 'a')), 1U << 20);
  ASSERT_FALSE(out.has_value());
  EXPECT_THAT(out.error().message, HasSubstr("more than 1 MB"));
}

TEST(Gzip, DamageIsAnError) {
  const std::string good = gzip("some bytes that are long enough");
  EXPECT_FALSE(gunzip(good.substr(0, good.size() - 9), 1000).has_value());
  EXPECT_FALSE(gunzip("\x1f\x8b garbage", 1000).has_value());
  EXPECT_FALSE(gunzip("", 1000).has_value());
  std::string flipped = good;
  flipped[14] = static_cast<char>(flipped[14] ^ 0x55);
  EXPECT_FALSE(gunzip(flipped, 1000).has_value());
}

TEST(ProtobufWriter, BytesAreThoseOfTheEncoding) {
  ProtobufWriter inner;
  inner.number(1, std::uint64_t{150});
  EXPECT_EQ(inner.bytes(), "\x08\x96\x01");
  ProtobufWriter out;
  out.element(3, inner);
  EXPECT_EQ(out.bytes(), "\x1a\x03\x08\x96\x01");
  ProtobufWriter negative;
  negative.number(2, std::int64_t{-1});
  EXPECT_EQ(negative.bytes(), "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  ProtobufWriter none;
  none.number(1, std::uint64_t{0});
  EXPECT_EQ(none.bytes(), "");
}

}  // namespace
}  // namespace jtrace::exporting
