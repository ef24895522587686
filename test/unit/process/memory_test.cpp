// SPDX-License-Identifier: Apache-2.0
#include "process/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <vector>

namespace jtrace::process {
namespace {

constexpr std::size_t kPage = 4096;

// Two pages of which the second cannot be read.
class PageBeforeHole {
 public:
  PageBeforeHole()
      : base_(static_cast<char*>(::mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    ::mprotect(base_ + kPage, kPage, PROT_NONE);
  }
  PageBeforeHole(const PageBeforeHole&) = delete;
  PageBeforeHole& operator=(const PageBeforeHole&) = delete;
  ~PageBeforeHole() { ::munmap(base_, 2 * kPage); }

  // Lays bytes so that the last is the last of the readable page.
  [[nodiscard]] ProcessAddr put_at_end(std::string_view bytes) {
    char* at = base_ + kPage - bytes.size();
    std::memcpy(at, bytes.data(), bytes.size());
    return {reinterpret_cast<std::uint64_t>(at)};
  }

 private:
  char* base_;
};

TEST(ProcessMemory, readsAllOrNothing) {
  PageBeforeHole pages;
  const ProcessMemory memory(::getpid());
  const ProcessAddr at = pages.put_at_end("12345678");
  EXPECT_EQ(memory.read<std::uint64_t>(at), 0x3837363534333231ULL);
  EXPECT_EQ(memory.read<std::uint64_t>({at.value + 1}), std::nullopt);
  EXPECT_EQ(memory.read<std::uint64_t>({0}), std::nullopt);
  EXPECT_EQ(memory.read<std::uint64_t>({~std::uint64_t{0}}), std::nullopt);
}

TEST(ProcessMemory, aProcessThatIsGoneReadsNothing) {
  const int value = 7;
  const ProcessMemory memory(-1);
  EXPECT_EQ(memory.read<int>({reinterpret_cast<std::uint64_t>(&value)}), std::nullopt);
}

TEST(ReadCString, endsAtTheFirstNul) {
  const ProcessMemory memory(::getpid());
  const char text[] = "method\0name";
  EXPECT_EQ(read_c_string(memory, {reinterpret_cast<std::uint64_t>(text)}, 100), "method");
}

TEST(ReadCString, theLimitCountsTheTextAlone) {
  const ProcessMemory memory(::getpid());
  const char text[] = "method";
  const ProcessAddr at{reinterpret_cast<std::uint64_t>(text)};
  EXPECT_EQ(read_c_string(memory, at, 6), "method");
  EXPECT_EQ(read_c_string(memory, at, 5), std::nullopt);
  EXPECT_EQ(read_c_string(memory, at, 0), std::nullopt);
}

TEST(ReadCString, longTextGoesOnThroughPages) {
  const ProcessMemory memory(::getpid());
  const std::string text(3 * kPage + 17, 'x');
  EXPECT_EQ(read_c_string(memory, {reinterpret_cast<std::uint64_t>(text.c_str())}, 4 * kPage),
            text);
}

TEST(ReadCString, anUnreadablePageBehindTheTextDoesNotMatter) {
  PageBeforeHole pages;
  const ProcessMemory memory(::getpid());
  EXPECT_EQ(read_c_string(memory, pages.put_at_end(std::string_view("last\0", 5)), 1000), "last");
  EXPECT_EQ(read_c_string(memory, pages.put_at_end("no end"), 1000), std::nullopt);
}

// All of memory is 'x', up to the last address.
class EndlessMemory final : public MemoryReader {
 public:
  using MemoryReader::read;
  [[nodiscard]] bool read(ProcessAddr, std::span<std::byte> into) const override {
    std::memset(into.data(), 'x', into.size());
    return true;
  }
};

TEST(ReadCString, doesNotRunAroundTheEndOfTheAddressSpace) {
  EXPECT_EQ(read_c_string(EndlessMemory(), {~std::uint64_t{0} - 10}, 1U << 20), std::nullopt);
}

}  // namespace
}  // namespace jtrace::process
