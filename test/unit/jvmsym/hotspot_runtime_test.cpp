// SPDX-License-Identifier: Apache-2.0
// What is read of a running JVM besides its code: counters, threads, continuations.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string_view>

#include "jvmsym/hotspot/continuations.h"
#include "jvmsym/hotspot/perf_counters.h"
#include "jvmsym/hotspot/threads.h"
#include "unit/jvmsym/fake_jvm.h"

namespace jtrace::test {
namespace {

using namespace jvmsym::hotspot;

constexpr std::uint64_t kBase = FakeMemory::kBase;

// ---- counters

constexpr std::uint64_t kStart = kBase + 256;
const PerfMemoryLayout kPerf{.start = ProcessAddr{kBase}, .top = ProcessAddr{kBase + 8}};

class PerfCounters : public ::testing::Test {
 protected:
  void SetUp() override {
    memory_.put(kBase, kStart);
    memory_.put(kBase + 8, kStart + 32);
    memory_.put(kStart, std::uint32_t{0xc0c0feca});
    memory_.put(kStart + 24, std::int32_t{32});  // where the entries begin
  }
  // Returns where its value lies.
  std::uint64_t add(std::string_view name, char type = 'J') {
    const std::uint64_t at = *memory_.read<std::uint64_t>(ProcessAddr{kBase + 8});
    memory_.put(at, std::int32_t{96});
    memory_.put(at + 4, std::int32_t{20});
    memory_.put(at + 12, type);
    memory_.put(at + 16, std::int32_t{80});
    memory_.put_bytes(at + 20, std::as_bytes(std::span(name)));
    memory_.put(kBase + 8, at + 96);
    return at + 80;
  }
  [[nodiscard]] std::optional<ProcessAddr> find(std::string_view name) const {
    return find_perf_counter(memory_, kPerf, name);
  }
  FakeMemory memory_{64 * 1024};
};

TEST_F(PerfCounters, AreFoundByTheirWholeName) {
  add("java.cls.unloadedClassesOfOthers");
  const std::uint64_t value = add("java.cls.unloadedClasses");
  add("java.cls.unloadedClassesOfOthers");
  ASSERT_TRUE(find("java.cls.unloadedClasses"));
  EXPECT_EQ(find("java.cls.unloadedClasses")->value, value);
  EXPECT_FALSE(find("java.cls.unloaded"));
}

TEST_F(PerfCounters, OfAnotherTypeAreNone) {
  add("java.cls.unloadedClasses", 'B');
  EXPECT_FALSE(find("java.cls.unloadedClasses"));
}

TEST_F(PerfCounters, AreNotLookedForInNonsense) {
  const std::uint64_t value = add("x");
  ASSERT_TRUE(find("x"));
  const std::uint64_t entry = value - 80;
  for (const std::int32_t length : {0, 19, -1, std::numeric_limits<std::int32_t>::max()}) {
    memory_.put(entry, length);
    EXPECT_FALSE(find("x")) << length;
  }
  memory_.put(entry, std::int32_t{96});
  for (const std::int32_t offset : {-1, 89, std::numeric_limits<std::int32_t>::max()}) {
    memory_.put(entry + 16, offset);
    EXPECT_FALSE(find("x")) << offset;
  }
  memory_.put(kStart, std::uint32_t{0});
  EXPECT_FALSE(find("x"));
  memory_.put(kBase + 8, std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(find("x")) << "larger than any";
}

// ---- threads

TEST(JavaThreads, OfAListAndOfAChainEndsWhateverItSays) {
  FakeMemory memory(64 * 1024);
  ThreadsLayout layout{.list = ProcessAddr{kBase},
                       .next = 8,
                       .length = 4,
                       .threads = 8,
                       .osthread = 16,
                       .thread_id = {.offset = 4, .size = 4}};
  const auto thread = [&](std::uint64_t at, std::uint64_t next, std::int32_t id) {
    memory.put(at + 8, next);
    memory.put(at + 16, at + 64);
    memory.put(at + 64 + 4, id);
  };
  const std::uint64_t list = kBase + 512, array = kBase + 640, one = kBase + 1024, two = one + 128;
  thread(one, two, 11);
  thread(two, one, 12);  // a circle
  memory.put(kBase, list);
  memory.put(list + 4, std::uint32_t{2});
  memory.put(list + 8, array);
  memory.put(array, one);
  memory.put(array + 8, two);
  auto threads = read_java_threads(memory, layout);
  EXPECT_EQ(threads.size(), 2U);
  EXPECT_EQ(threads.at(12).value, two);
  memory.put(list + 4, std::numeric_limits<std::uint32_t>::max());
  EXPECT_TRUE(read_java_threads(memory, layout).empty());

  layout.is_chain = true;
  memory.put(kBase, one);
  threads = read_java_threads(memory, layout);
  EXPECT_EQ(threads.size(), 2U);
  EXPECT_EQ(threads.at(11).value, one);
}

// ---- continuations

// enterSpecial of JDK 21, from its entry to the call of Continuation.enter.
const std::vector<std::byte> kEnterSpecial =
    bytes_of({0x55, 0x48, 0x8b, 0xec, 0x48, 0x83, 0xec, 0x40, 0x49, 0x8b, 0x87, 0x38, 0x05, 0x00,
              0x00, 0x48, 0x89, 0x44, 0x24, 0x08, 0x49, 0x89, 0xa7, 0x38, 0x05, 0x00, 0x00, 0x48,
              0x89, 0x74, 0x24, 0x10, 0x89, 0x4c, 0x24, 0x20, 0x48, 0xc7, 0x44, 0x24, 0x18, 0x00,
              0x00, 0x00, 0x00, 0xc7, 0x44, 0x24, 0x24, 0x00, 0x00, 0x00, 0x00});

TEST(Continuations, AreToldByTheCodeOfEnterSpecial) {
  jt_hotspot config{};
  ASSERT_TRUE(decode_enter_special(kEnterSpecial, config));
  EXPECT_EQ(config.cont_entry_bytes, 0x40);
  EXPECT_EQ(config.off_cont_cont, 0x10);
  EXPECT_EQ(config.off_cont_argsize, 0x24);
}

TEST(Continuations, AreNotGuessedFromOtherCode) {
  const auto refused = [](std::vector<std::byte> code) {
    jt_hotspot config{};
    return !decode_enter_special(code, config) && config.cont_entry_bytes == 0;
  };
  EXPECT_TRUE(refused({}));
  for (std::size_t size = 0; size < 36; ++size) {
    EXPECT_TRUE(refused({kEnterSpecial.begin(), kEnterSpecial.begin() + size})) << size;
  }
  auto code = kEnterSpecial;
  code[7] = std::byte{0x41};  // not a multiple of 16
  EXPECT_TRUE(refused(code));
  code = kEnterSpecial;
  code[35] = std::byte{0x40};  // outside the entry
  EXPECT_TRUE(refused(code));
}

}  // namespace
}  // namespace jtrace::test
