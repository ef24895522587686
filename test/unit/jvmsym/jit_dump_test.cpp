// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/jit_dump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace jtrace::test {
namespace {

using jvmsym::JitDump;

template <class T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string header(std::uint64_t flags = 0, std::uint32_t machine = 62,
                   std::uint32_t magic = 0x4a695444) {
  std::string out;
  for (const std::uint32_t word : {magic, 1U, 40U, machine, 0U, 7U}) put(out, word);
  put(out, std::uint64_t{1});
  put(out, flags);
  return out;
}

std::string record(std::uint32_t id, std::uint64_t time, const std::string& body) {
  std::string out;
  put(out, id);
  put(out, static_cast<std::uint32_t>(16 + body.size()));
  put(out, time);
  return out + body;
}

struct Code {
  std::uint64_t at = 0, size = 0;
};

std::string load(std::uint64_t time, Code code, std::string_view name) {
  std::string body;
  put(body, std::uint64_t{7} | std::uint64_t{7} << 32);
  for (const std::uint64_t word : {code.at, code.at, code.size, std::uint64_t{1}}) put(body, word);
  body += std::string(name) + '\0' + std::string(code.size, '\x90');
  return record(0, time, body);
}

std::string move(std::uint64_t time, Code from, std::uint64_t to) {
  std::string body;
  put(body, std::uint64_t{7} | std::uint64_t{7} << 32);
  for (const std::uint64_t word : {to, from.at, to, from.size, std::uint64_t{1}}) put(body, word);
  return record(1, time, body);
}

JitDump parsed(const std::string& text) {
  JitDump dump;
  (void)dump.add(std::as_bytes(std::span(text)));
  return dump;
}

TEST(JitDump, NamesCodeFromItsTimeOn) {
  const auto dump = parsed(header() + load(100, {0x1000, 64}, "one") +
                           load(200, {0x1020, 64}, "two") + load(100, {0x1060, 16}, "next"));
  EXPECT_EQ(dump.find(0x1000, 99), std::nullopt);
  EXPECT_EQ(dump.find(0x1000, 100), "one");
  EXPECT_EQ(dump.find(0x103f, 199), "one");
  EXPECT_EQ(dump.find(0x103f, 200), "two") << "it took the place of the other";
  EXPECT_EQ(dump.find(0x1000, 200), std::nullopt) << "which died as a whole";
  EXPECT_EQ(dump.find(0x105f, 300), "two");
  EXPECT_EQ(dump.find(0x1060, 300), "next") << "the first byte behind it";
  EXPECT_EQ(dump.find(0x1070, 300), std::nullopt);
}

TEST(JitDump, FollowsCodeThatMoves) {
  const auto dump =
      parsed(header() + load(100, {0x1000, 64}, "one") + move(200, {0x1000, 64}, 0x5000));
  EXPECT_EQ(dump.find(0x1010, 150), "one");
  EXPECT_EQ(dump.find(0x1010, 250), std::nullopt);
  EXPECT_EQ(dump.find(0x5010, 250), "one");
  EXPECT_EQ(dump.find(0x5010, 150), std::nullopt);
}

// The counter of a processor says nothing of our clock: what is there last counts.
TEST(JitDump, WithoutTimes) {
  const auto dump = parsed(header(1) + load(1ULL << 60, {0x1000, 64}, "one") +
                           load(1ULL << 61, {0x1000, 64}, "two"));
  EXPECT_EQ(dump.find(0x1000, 5), "two");
}

// Other records, and those of kinds that are not known, are passed over.
TEST(JitDump, PassesOver) {
  const auto dump = parsed(header() + record(2, 1, std::string(48, '\x7f')) +
                           record(4, 1, std::string(24, '\0')) + record(77, 1, "what") +
                           record(3, 1, "") + load(1, {0x1000, 8}, "one"));
  EXPECT_EQ(dump.find(0x1000, 5), "one");
}

// However the file grows.
TEST(JitDump, IsReadInPieces) {
  const std::string text = header() + load(100, {0x1000, 64}, "one") +
                           record(2, 1, std::string(48, '\x7f')) + load(100, {0x2000, 64}, "two") +
                           move(150, {0x2000, 64}, 0x3000);
  for (std::size_t step = 1; step < text.size(); ++step) {
    JitDump dump;
    for (std::size_t end = step; dump.offset() < text.size() && end < text.size() + step;
         end += step) {
      const std::size_t have = std::min(end, text.size());
      if (have <= dump.offset()) continue;
      const auto piece = std::string_view(text).substr(dump.offset(), have - dump.offset());
      (void)dump.add(std::as_bytes(std::span(piece)));
    }
    EXPECT_EQ(dump.find(0x1000, 200), "one") << step;
    EXPECT_EQ(dump.find(0x3000, 200), "two") << step;
    EXPECT_FALSE(dump.broken());
  }
}

TEST(JitDump, RefusesWhatItIsNot) {
  EXPECT_TRUE(parsed(header(0, 62, 0x4454694a)).broken()) << "of another byte order";
  EXPECT_TRUE(parsed(header(0, 183)).broken()) << "of another machine";
  EXPECT_TRUE(parsed(std::string(40, 'x')).broken());
  std::string endless = header();
  endless.append(16, '\0');  // a record of no bytes
  EXPECT_TRUE(parsed(endless).broken());
}

// Sizes and places that cannot be, names that are none, or too long.
TEST(JitDump, BoundsWhatItTakes) {
  const std::string name(10'000, 'n');
  const auto dump = parsed(header() + load(1, {0, 64}, "null") + load(1, {0x1000, 0}, "empty") +
                           load(1, {~0ULL - 4, 64}, "wraps") + load(1, {0x2000, 8}, "") +
                           load(1, {0x3000, 8}, name) + load(1, {0x4000, 8}, "good"));
  EXPECT_EQ(dump.size(), 2U);
  ASSERT_TRUE(dump.find(0x3000, 1));
  EXPECT_EQ(dump.find(0x3000, 1)->size(), JitDump::kMaxName);
  EXPECT_EQ(dump.find(0x4000, 1), "good");
}

TEST(JitDump, ReadsFromAPlaceOn) {
  const UniqueFd file(::memfd_create("jitdump", MFD_CLOEXEC));
  ASSERT_EQ(::write(file.get(), "0123456789", 10), 10);
  EXPECT_EQ(JitDump::read(file.get(), 4).value_or(""), "456789");
  EXPECT_EQ(JitDump::read(file.get(), 40).value_or("-"), "");
  EXPECT_FALSE(JitDump::read(-1, 0));
}

}  // namespace
}  // namespace jtrace::test
