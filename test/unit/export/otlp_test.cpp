// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "export/formats.h"
#include "export/protobuf_writer.h"
#include "export/source.h"
#include "support/otlp_dump.h"
#include "support/sample_profiles.h"

namespace jtrace::exporting {
namespace {

using testing::HasSubstr;
using testing::Not;
using enum profile::FrameKind;
using test::ProfileSketch;

std::string dumped(const profile::Profile& profile) {
  return test::otlp_dump(write_otlp(profile, {}));
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

constexpr const char* kProfile = "resource_profiles.scope_profiles.profiles {\n";
constexpr const char* kId = "resource_profiles.scope_profiles.profiles.profile_id: ";

std::string id_of(const profile::Profile& profile) {
  const std::string text = dumped(profile);
  return text.substr(text.find(kId), std::string(kId).size() + 32);
}

TEST(Otlp, SaysWhichDefinitionsItFollows) {
  EXPECT_THAT(dumped(test::small_profiles()[0].profile),
              HasSubstr("opentelemetry-proto 1.11.0, profiles v1development"));
}

TEST(Otlp, OneProfileAWeightTheDefaultFirst) {
  ProfileSketch s({}, {{"events", "count"}, {"latency", "nanoseconds"}}, 1);
  s.weighed({s.frame(Native, "f")}, {3, 700});
  s.weighed({s.frame(Native, "g")}, {2, 0});  // took no time: no sample of that weight
  const std::string text = dumped(std::move(s).build());
  EXPECT_EQ(count(text, kProfile), 2U);
  EXPECT_EQ(count(text, "profiles.samples {\n"), 3U);
  EXPECT_LT(text.find("samples.values: 700\n"), text.find("samples.values: 3\n"));
  EXPECT_THAT(text, HasSubstr("string: latency\n"));
}

TEST(Otlp, TablesBeginWithTheZeroValueAndHoldNothingTwice) {
  ProfileSketch s({});
  const auto f = s.frame(Native, "f");
  s.stack({f, s.frame(Native, "g")}, 1);
  s.stack({f, s.frame(Native, "h")}, 1);
  const std::string text = dumped(std::move(s).build());
  for (const char* table : {"mapping", "location", "function", "attribute", "stack"}) {
    const std::string open = std::string("\ndictionary.") + table + " {\n";
    EXPECT_EQ(text.find(open), text.find(open + "}\n")) << table;
  }
  EXPECT_EQ(count(text, "\ndictionary.location {\n"), 4U);
  EXPECT_EQ(count(text, "\ndictionary.function {\n"), 4U);
  EXPECT_EQ(count(text, "string: f\n"), 1U);
  EXPECT_THAT(text, HasSubstr("dictionary.link.trace_id: 00000000000000000000000000000000\n"));
}

TEST(Otlp, ThreadsAndProcessesAreNamedByTheConventions) {
  profile::Header header;
  header.target = "java (pid 4242)";
  header.host = "h";
  ProfileSketch s(header);
  const auto f = s.frame(Native, "f");
  s.stack({f}, 1, {s.label("thread", "[pool-1 thread-2 tid=13]")});
  s.stack({f}, 1, {s.label("thread", "main tid=x]")});  // not of ours: as it is
  const std::string text = dumped(std::move(s).build());
  for (const char* part :
       {"string: thread.name\n", "value.string: pool-1 thread-2\n", "string: thread.id\n",
        "value.int: 13\n", "value.string: main tid=x]\n", "attributes.key: service.name\n",
        "value.string: java\n", "attributes.key: process.pid\n", "value.int: 4242\n",
        "attributes.key: host.name\n"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(Otlp, SizesHaveUnitsAndZeroIsASize) {
  ProfileSketch s({});
  s.stack({s.frame(Native, "f")}, 1, {s.label("latency", 0, "nanoseconds")});
  const std::string text = dumped(std::move(s).build());
  EXPECT_THAT(text, HasSubstr("dictionary.attribute.value.int: 0\n"));
  EXPECT_THAT(text, HasSubstr("string: ns\n"));
}

TEST(Otlp, TheLedgerIsAmongTheAttributesWhateverItsNames) {
  profile::Ledger ledger{{{"fired", 5, 0, true},
                          {"kept", 0, 0, true},
                          {"kept", 5, 0, true},
                          {"complete", 5, 1, true},
                          {"lost", 0, 0, false}},
                         false};
  ProfileSketch s({});
  const std::string text = dumped(std::move(s).build(ledger));
  for (const char* part :
       {"string: jtrace.ledger.fired\n", "string: jtrace.ledger.kept\n",
        "string: jtrace.ledger.kept'\n", "string: jtrace.ledger.kept.complete\n", "value.int: 0\n",
        "value.string: not measurable\n", "string: jtrace.ledger.balanced\n", "value.bool: 0\n"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(Otlp, IdsTellWindowsApartAndCopiesAreTheSame) {
  profile::Profile one = test::small_profiles()[1].profile;
  profile::Profile next = one;
  EXPECT_EQ(id_of(one), id_of(next));
  next.header.start += std::chrono::seconds(60);
  EXPECT_NE(id_of(one), id_of(next));
  next = one;
  next.header.host = "other";  // the same window, elsewhere
  EXPECT_NE(id_of(one), id_of(next));
}

TEST(Otlp, ASampleWithoutFramesIsSomewhere) {
  ProfileSketch s({});
  s.stack({}, 7);
  const std::string text = dumped(std::move(s).build());
  EXPECT_THAT(text, HasSubstr("samples.stack: 1\n"));
  EXPECT_THAT(text, HasSubstr("string: [unknown]\n"));
  EXPECT_THAT(text, Not(HasSubstr("?")));
}

TEST(Source, OneProcessHasAPidAndACommandTheNameOfItsProgram) {
  const auto of = [](std::string target) {
    profile::Header header;
    header.target = std::move(target);
    const Source source = source_of(header);
    return source.service + "|" + (source.pid ? std::to_string(*source.pid) : "");
  };
  EXPECT_EQ(of("java (pid 7)"), "java|7");
  EXPECT_EQ(of("Web Content (pid 7)"), "Web Content|7");
  EXPECT_EQ(of("/opt/jdk/bin/java -jar a.jar (pid 7), with what is started by it"), "java|");
  EXPECT_EQ(of("java (pid 7), nginx (pid 8)"), "java|");
  EXPECT_EQ(of("all processes"), "all processes|");
  EXPECT_EQ(of("x (pid 99999999999999999999)"), "x (pid 99999999999999999999)|");
  EXPECT_EQ(of(" (pid 7)"), "\\x20(pid 7)|");
  EXPECT_EQ(of(""), "unknown_service|");
}

TEST(ProtobufWriterNumbers, FixedAndMembers) {
  ProtobufWriter message;
  message.fixed64(3, 0x0102030405060708);
  message.fixed64(3, 0);  // absent, as in proto3
  message.member(2, 0);   // there
  EXPECT_EQ(message.bytes(), std::string("\x19\x08\x07\x06\x05\x04\x03\x02\x01\x10\0", 11));
}

}  // namespace
}  // namespace jtrace::exporting
