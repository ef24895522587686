// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/agent/agent_log.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "unit/jvmsym/agent_records.h"

namespace jtrace::jvmsym::agent {
namespace {

using test::stub_record;
using test::TestLoad;
using test::unload_record;

// The name of what lives at a pc, "-" for nothing.
std::string name_of(const CompiledCode* code, std::uint64_t pc) {
  if (code == nullptr) return "-";
  if (code->is_stub()) return std::string(code->stub_name());
  std::string chain;
  for (const auto& call : code->calls(pc)) {
    chain += (chain.empty() ? "" : " < ") + class_name(call.class_text) + "." +
             std::string(call.name) + "@" + std::to_string(call.bci);
  }
  return chain;
}

struct Fed {
  CodeMap code;
  LogParser parser;
  explicit Fed(const std::string& log) { feed(log); }
  std::size_t feed(const std::string& log) {
    return parser.take(std::as_bytes(std::span(log)), 1, code);
  }
  std::string at(std::uint64_t pc, std::uint64_t time) const {
    return name_of(code.at(pc, time), pc);
  }
  std::string find(std::uint64_t pc, std::uint32_t id) const {
    return name_of(code.find(pc, id), pc);
  }
};

TestLoad method(const std::string& name, std::uint32_t id, std::uint64_t time,
                std::uint64_t code = 0x10000, std::uint32_t bytes = 0x100) {
  TestLoad load;
  load.methods = {{"Lpkg/A;", name}};
  load.id = id;
  load.time = time;
  load.code = code;
  load.bytes = bytes;
  return load;
}

TestLoad inlining() {
  TestLoad load;
  load.methods = {{"Lpkg/A;", "outer"}, {"Lpkg/B;", "middle"}, {"Lpkg/C;", "inner"}};
  load.nodes = {{JT_AGENT_NO_NODE, 0, 3, 30}, {0, 1, 7, 70}, {1, 2, 1, 10}, {0, 2, 9, 90}};
  load.pcs = {{0x10, 2}, {0x20, 3}, {0x40, 0}};
  return load;
}

TEST(AgentLog, InliningIsInnermostFirst) {
  const Fed fed(inlining().text());
  EXPECT_EQ(fed.find(0x10010, 1), "pkg/C.inner@1 < pkg/B.middle@7 < pkg/A.outer@3");
  EXPECT_EQ(fed.find(0x10020, 1), "pkg/C.inner@9 < pkg/A.outer@3");
  EXPECT_EQ(fed.find(0x10040, 1), "pkg/A.outer@3");
  const auto calls = fed.code.find(0x10010, 1)->calls(0x10010);
  EXPECT_EQ(calls[0].line, 10U);
  EXPECT_EQ(calls[0].signature, "()V");
  EXPECT_EQ(calls[2].source, "A.java");
}

TEST(AgentLog, BetweenTheCallsOnlyTheMethodItself) {
  const Fed fed(inlining().text());
  EXPECT_EQ(fed.find(0x10011, 1), "pkg/A.outer@-1");
  EXPECT_EQ(fed.find(0x10100, 1), "pkg/A.outer@-1");  // the address behind a call that ends it
  EXPECT_EQ(fed.find(0x10101, 1), "-");
}

TEST(AgentLog, TheIdTellsVersionsApartAtAnyTime) {
  const Fed fed(method("old", 5, 100).text() + unload_record(0x10000, 200) +
                method("young", 9, 300).text());
  EXPECT_EQ(fed.find(0x10010, 5), "pkg/A.old@-1");
  EXPECT_EQ(fed.find(0x10010, 9), "pkg/A.young@-1");
  EXPECT_EQ(fed.find(0x10010, 7), "-");
  EXPECT_EQ(fed.find(0x10010, 0), "-");  // an id that nobody knows proves nothing
}

TEST(AgentLog, TheTimeTellsVersionsApart) {
  const Fed fed(method("old", 5, 100).text() + unload_record(0x10000, 200) +
                method("young", 9, 300).text());
  EXPECT_EQ(fed.at(0x10010, 99), "-");
  EXPECT_EQ(fed.at(0x10010, 100), "pkg/A.old@-1");
  EXPECT_EQ(fed.at(0x10010, 199), "pkg/A.old@-1");
  EXPECT_EQ(fed.at(0x10010, 200), "-");
  EXPECT_EQ(fed.at(0x10010, 300), "pkg/A.young@-1");
  EXPECT_EQ(fed.at(0x10010, ~0ULL - 1), "pkg/A.young@-1");
}

TEST(AgentLog, WhatIsOverlappedHasDied) {
  const Fed fed(method("a", 1, 100, 0x10000, 0x3000).text() +
                method("b", 2, 200, 0x12000, 0x2000).text());
  EXPECT_EQ(fed.at(0x12010, 150), "pkg/A.a@-1");
  EXPECT_EQ(fed.at(0x12010, 250), "pkg/A.b@-1");
  EXPECT_EQ(fed.at(0x10010, 250), "-");
}

// Where one ends and the next begins, a return address may be either's.
TEST(AgentLog, ABorderIsNobodys) {
  const Fed fed(method("a", 1, 100, 0x10000, 0x100).text() +
                method("b", 2, 100, 0x10100, 0x100).text());
  EXPECT_EQ(fed.at(0x10100, 150), "-");
  EXPECT_EQ(fed.find(0x10100, 1), "pkg/A.a@-1");
  EXPECT_EQ(fed.find(0x10100, 2), "pkg/A.b@-1");
}

TEST(AgentLog, StubsHaveNamesAndNoIds) {
  const Fed fed(stub_record(0x20000, 64, 100, "jint_disjoint_arraycopy"));
  EXPECT_EQ(fed.at(0x20010, 100), "jint_disjoint_arraycopy");
  EXPECT_EQ(fed.find(0x20010, 0), "-");
}

// A replay tells the buffer after what lies in it.
TEST(AgentLog, TheSmallestStubHasTheSay) {
  const std::string outer = stub_record(0x20000, 4096, 100, "StubRoutines (1)");
  const std::string inner = stub_record(0x20100, 64, 100, "call_stub");
  for (const std::string& log : {outer + inner, inner + outer}) {
    const Fed fed(log);
    EXPECT_EQ(fed.at(0x20110, 100), "call_stub");
    EXPECT_EQ(fed.at(0x20010, 100), "StubRoutines (1)");
  }
  // A method where a stub was: the stub has gone.
  const Fed fed(outer + method("a", 1, 200, 0x20000).text());
  EXPECT_EQ(fed.at(0x20010, 250), "pkg/A.a@-1");
}

TEST(AgentLog, WhatIsReplayedWasThereBefore) {
  std::string record = method("a", 1, 500).text();
  const std::uint16_t replayed = JT_AGENT_REPLAYED;
  std::memcpy(record.data() + offsetof(jt_agent_record, flags), &replayed, sizeof(replayed));
  Fed fed(record);
  EXPECT_EQ(fed.at(0x10010, 2), "pkg/A.a@-1");
  fed.feed(record);
  EXPECT_EQ(fed.code.size(), 1U);
}

TEST(AgentLog, HalfARecordWaitsForItsOtherHalf) {
  const std::string record = method("a", 1, 100).text();
  for (std::size_t n = 0; n < record.size(); ++n) {
    Fed fed(record.substr(0, n));
    EXPECT_EQ(fed.parser.records, 0U);
    EXPECT_FALSE(fed.parser.broken);
    EXPECT_EQ(fed.feed(record), record.size());
    EXPECT_EQ(fed.find(0x10010, 1), "pkg/A.a@-1");
  }
}

TEST(AgentLog, SenselessRecordsAreCountedAndSkipped) {
  std::vector<TestLoad> wrong(8, inlining());
  wrong[0].nodes[2].caller = 2;
  wrong[1].nodes[1].method = 3;
  wrong[2].pcs[1].node = 4;
  wrong[3].pcs[1].offset = 0x41;
  wrong[4].bytes = 0;
  wrong[5].code = ~0ULL;
  wrong[6].nodes[0].method = 1;  // a chain whose root is another method
  wrong[7].methods.clear();
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    const Fed fed(wrong[i].text() + method("good", 7, 1, 0x50000).text());
    EXPECT_EQ(fed.parser.malformed, 1U) << i;
    EXPECT_EQ(fed.find(0x50000, 7), "pkg/A.good@-1") << i;
  }
}

TEST(AgentLog, ASizeThatMakesNoSenseEndsTheLog) {
  for (const std::uint32_t bytes : {0U, 8U, 17U, JT_AGENT_RECORD_MAX + 8}) {
    std::string record = method("a", 1, 100).text();
    std::memcpy(record.data(), &bytes, sizeof(bytes));
    Fed fed(record + method("b", 2, 100, 0x50000).text());
    EXPECT_TRUE(fed.parser.broken) << bytes;
    EXPECT_EQ(fed.code.size(), 0U);
    EXPECT_EQ(fed.feed(method("b", 2, 100).text()), 0U);
  }
}

TEST(AgentLog, MemoryIsBounded) {
  CodeMap code(1 << 16);
  LogParser parser;
  const auto feed = [&](const std::string& log) {
    parser.take(std::as_bytes(std::span(log)), 1, code);
  };
  for (std::uint32_t i = 1; i <= 2000; ++i) feed(method("a", i, i).text());
  EXPECT_LE(code.bytes(), 1U << 16);
  EXPECT_EQ(code.refused(), 0U);
  EXPECT_GT(code.forgotten(), 0U);
  EXPECT_NE(code.find(0x10010, 2000), nullptr);
  for (std::uint32_t i = 1; i <= 2000; ++i) feed(method("b", i, 3000, 0x100000 + i * 0x200).text());
  EXPECT_LE(code.bytes(), 1U << 16);
  EXPECT_GT(code.refused(), 0U);
  // The one that had no room is not named by the one that was there.
  feed(method("c", 9000, 4000).text());
  EXPECT_EQ(code.at(0x10010, 5000), nullptr);
}

// Against a list of lives that says the same in the dullest way.
TEST(AgentLog, AgreesWithAListOfLives) {
  std::mt19937 random(7);
  struct Life {
    std::uint64_t begin, end, birth, death;
    std::uint32_t id;
  };
  std::vector<Life> lives;
  Fed fed("");
  for (std::uint32_t time = 1; time < 3000; ++time) {
    const std::uint64_t begin = 0x10000 + random() % 64 * 0x400;
    if (random() % 4 == 0) {
      fed.feed(unload_record(begin, time));
      for (Life& life : lives) {
        if (life.begin == begin && life.death == ~0ULL) life.death = time;
      }
      continue;
    }
    const auto bytes = static_cast<std::uint32_t>(0x100 + random() % 0x1000);
    fed.feed(method("m", time, time, begin, bytes).text());
    for (Life& life : lives) {
      if (life.begin < begin + bytes && begin < life.end)
        life.death = std::min<std::uint64_t>(life.death, time);
    }
    lives.push_back({begin, begin + bytes, time, ~0ULL, time});
  }
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t pc = 0x10001 + random() % 0x12000;
    const std::uint64_t time = random() % 3000;
    std::vector<std::uint32_t> ids;
    for (const Life& life : lives) {
      if (pc >= life.begin && pc <= life.end && time >= life.birth && time < life.death)
        ids.push_back(life.id);
    }
    const CompiledCode* found = fed.code.at(pc, time);
    EXPECT_EQ(found == nullptr ? 0U : found->compile_id(), ids.size() == 1 ? ids[0] : 0U);
  }
}

// ---------------------------------------------------------------- the file

UniqueFd file_of(const std::string& bytes) {
  UniqueFd fd(::memfd_create(JT_AGENT_LOG_NAME, MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return fd;
}

TEST(AgentLog, IsFollowedWhileItIsWritten) {
  UniqueFd file = file_of(test::log_head(50));
  UniqueFd copy(::dup(file.get()));
  auto log = AgentLog::over(std::move(copy));
  ASSERT_TRUE(log) << log.error().message;
  CodeMap code;
  EXPECT_FALSE(log->poll(code));
  const std::string record = method("a", 1, 100).text();
  ASSERT_EQ(::write(file.get(), record.data(), record.size()), static_cast<ssize_t>(record.size()));
  EXPECT_TRUE(log->poll(code));
  EXPECT_NE(code.find(0x10010, 1), nullptr);
  EXPECT_FALSE(log->poll(code));
  const std::string full = test::log_head(50, 400);
  ASSERT_EQ(::pwrite(file.get(), full.data(), full.size(), 0), static_cast<ssize_t>(full.size()));
  log->poll(code);
  EXPECT_EQ(log->ended(), 400U);
  EXPECT_NE(code.at(0x10010, 399), nullptr);
  EXPECT_EQ(code.at(0x10010, 400), nullptr);
  EXPECT_NE(code.find(0x10010, 1), nullptr);
}

TEST(AgentLog, IsFoundAmongTheDescriptorsOfAProcess) {
  const UniqueFd old = file_of(test::log_head(50, 0, 60));
  const UniqueFd full = file_of(test::log_head(90, 95));
  const UniqueFd running = file_of(test::log_head(70));
  const UniqueFd other = file_of("not a log");
  const auto log = AgentLog::open(::getpid());
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(log->start_ns(), 70U);
}

TEST(AgentLog, SaysThatThereIsNone) {
  const auto log = AgentLog::open(::getpid());
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Errc::Target);
  EXPECT_NE(log.error().message.find("no agent is loaded"), std::string::npos);
  EXPECT_FALSE(AgentLog::over(file_of("short")));
  EXPECT_FALSE(AgentLog::over(UniqueFd()));
}

TEST(AgentLog, NamesOfClassesAreTheJvms) {
  EXPECT_EQ(class_name("Ljava/lang/String;"), "java/lang/String");
  EXPECT_EQ(class_name("Lpkg/A$$Lambda$1.0x00007f12;"), "pkg/A$$Lambda$1+0x00007f12");
  EXPECT_EQ(class_name("Lpkg/A$$Lambda$1/1234;"), "pkg/A$$Lambda$1");
  EXPECT_EQ(class_name("Lpkg/A1;"), "pkg/A1");
  EXPECT_EQ(class_name("Lpkg/;"), "pkg/");
  EXPECT_EQ(class_name(""), "");
  EXPECT_EQ(class_name("L;"), "");
}

}  // namespace
}  // namespace jtrace::jvmsym::agent
