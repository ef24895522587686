// SPDX-License-Identifier: Apache-2.0
// Walks of this very process, by the tables of its own binaries, held against glibc's backtrace().
// Compiled without frame pointers.
#include <execinfo.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>

#include "process/memory.h"
#include "unwind/address_space.h"
#include "unwind/walker.h"

namespace jtrace::unwind {
namespace {

constexpr std::size_t kMaxDepth = 512;
constexpr std::size_t kCopyBytes = 4U << 20;

// A thread at one place: made without allocating, so that a signal handler can.
struct Snapshot {
  jt_regs regs{};
  std::array<void*, kMaxDepth> trace{};  // what backtrace() says
  int depth = 0;
  void* caller = nullptr;
  std::unique_ptr<std::array<std::byte, kCopyBytes>> copy =
      std::make_unique<std::array<std::byte, kCopyBytes>>();
  std::size_t copied = 0;
};

// Copies the stack page by page up to where it ends. By system call: the sanitizers would object to
// reading the frames of others.
void copy_stack(Snapshot& shot) {
  constexpr std::uint64_t kPage = 4096;
  const process::ProcessMemory self(::getpid());
  while (shot.copied < kCopyBytes) {
    const std::uint64_t at = shot.regs.sp + shot.copied;
    const std::size_t n = std::min<std::size_t>(kPage - at % kPage, kCopyBytes - shot.copied);
    const auto part = std::span(*shot.copy).subspan(shot.copied, n);
    if (!self.read(ProcessAddr{at}, part)) return;
    shot.copied += n;
  }
}

[[gnu::noinline]] void take(Snapshot& shot) {
  std::uint64_t pc = 0;
  std::uint64_t sp = 0;
  std::uint64_t fp = 0;
  std::uint64_t bx = 0;
  // Into memory: an output register could be one of those that are read.
  asm volatile(
      "leaq 0f(%%rip), %%rax\n"
      "0: movq %%rax, %0\n"
      "movq %%rsp, %1\n"
      "movq %%rbp, %2\n"
      "movq %%rbx, %3\n"
      : "=m"(pc), "=m"(sp), "=m"(fp), "=m"(bx)
      :
      : "rax");
  shot.regs = {.pc = pc, .sp = sp, .fp = fp, .bx = bx, .r13 = 0, .ax = 0, .di = 0};
  copy_stack(shot);
  shot.caller = __builtin_return_address(0);
  shot.depth = ::backtrace(shot.trace.data(), kMaxDepth);
}

using Body = std::function<void()>;

// Frames of several shapes; the empty asm behind each call keeps it from being a tail call.
[[gnu::noinline]] void plain(const Body& body) {
  body();
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void with_large_frame(const Body& body) {
  std::array<volatile char, 10'000> room{};
  room[0] = 1;
  plain(body);
  room[1] = room[0];
}

[[gnu::noinline]] void with_variable_frame(const Body& body, std::size_t bytes) {
  volatile char* room = static_cast<volatile char*>(__builtin_alloca(bytes));
  room[0] = 1;
  with_large_frame(body);
  room[bytes - 1] = room[0];
}

[[gnu::noinline]] void with_realigned_frame(const Body& body, std::size_t bytes) {
  alignas(256) std::array<volatile char, 256> room{};
  room[0] = 1;
  with_variable_frame(body, bytes);
  room[1] = room[0];
}

[[gnu::noinline]] void recursive(const Body& body, int depth) {
  if (depth == 0) return with_realigned_frame(body, static_cast<std::size_t>(::getpid() % 64 + 64));
  recursive(body, depth - 1);
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void deep(const Body& body) {
  recursive(body, 20);
  asm volatile("" ::: "memory");
}

std::uint64_t address_of(const jt_frame& frame) { return frame.where & JT_ADDR_MASK; }
bool is_exact(const jt_frame& frame) {
  return ((frame.where >> JT_ADDR_BITS) & JT_FRAME_EXACT) != 0;
}

class SelfWalk : public testing::Test {
 protected:
  // backtrace() loads libgcc_s when it is first used.
  SelfWalk() {
    std::array<void*, 1> unused;
    static_cast<void>(::backtrace(unused.data(), 1));
  }

  WalkResult walk(const Snapshot& shot) {
    auto ranges = space_.refresh({});
    EXPECT_TRUE(ranges);
    const WalkInput input{.regs = shot.regs,
                          .exact = true,
                          .stack = std::span(*shot.copy).first(shot.copied),
                          .absent_pages = 0};
    return unwind::walk({*ranges, store_.rows(), store_.rules(), {}}, input,
                        process::ProcessMemory(::getpid()));
  }

  // Every frame but the leaf is a return address (or interrupted pc) that backtrace() found too.
  void expect_whole(const Snapshot& shot, std::size_t at_least) {
    const auto result = walk(shot);
    EXPECT_EQ(result.status, JT_STATUS_COMPLETE);
    ASSERT_FALSE(result.frames.empty());
    EXPECT_EQ(address_of(result.frames.front()), shot.regs.pc);
    EXPECT_TRUE(is_exact(result.frames.front()));
    std::vector<std::uint64_t> walked;
    std::ranges::transform(result.frames, std::back_inserter(walked), address_of);
    // From the caller on: before it come backtrace()'s own frames, more of them with sanitizers.
    const auto trace = std::span(shot.trace).first(static_cast<std::size_t>(shot.depth));
    std::vector<std::uint64_t> expected;
    std::transform(std::ranges::find(trace, shot.caller), trace.end(), std::back_inserter(expected),
                   [](void* address) { return reinterpret_cast<std::uint64_t>(address); });
    walked.erase(walked.begin());
    EXPECT_EQ(walked, expected);
    EXPECT_GE(walked.size(), at_least);
  }

  TableStore store_{4U << 20};
  DirectReader reader_;
  BinaryTables binaries_{store_, nullptr, reader_};
  AddressSpace space_{::getpid(), binaries_};
};

TEST_F(SelfWalk, mainThread) {
  Snapshot shot;
  deep([&] { take(shot); });
  expect_whole(shot, 26);
}

TEST_F(SelfWalk, callerIsTheBuiltinsReturnAddress) {
  Snapshot shot;
  void* caller = nullptr;
  const auto body = [&] {
    caller = __builtin_return_address(0);
    take(shot);
  };
  plain(body);
  const auto result = walk(shot);
  EXPECT_EQ(result.status, JT_STATUS_COMPLETE);
  // std::function's invoker may lie between.
  const auto found =
      std::ranges::find(result.frames, reinterpret_cast<std::uint64_t>(caller), address_of);
  EXPECT_NE(found, result.frames.end());
  EXPECT_LE(found - result.frames.begin(), 3);
}

TEST_F(SelfWalk, threadEndsAtItsEntry) {
  Snapshot shot;
  std::thread([&] { deep([&] { take(shot); }); }).join();
  expect_whole(shot, 26);
}

TEST_F(SelfWalk, copyThatIsCutShort) {
  Snapshot shot;
  deep([&] { take(shot); });
  const auto whole = walk(shot).frames;
  shot.copied = 4096;
  const auto result = walk(shot);
  EXPECT_EQ(result.status, JT_STATUS_DEFER_CUT);
  ASSERT_LT(result.frames.size(), whole.size());
  for (std::size_t i = 0; i < result.frames.size(); ++i) {
    EXPECT_EQ(result.frames[i].where, whole[i].where);
  }
}

// Handlers take no argument of ours.
Snapshot* in_handler = nullptr;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void handler(int /*signal*/) { take(*in_handler); }

// Installs the handler, raises, restores.
void raise_signal(Snapshot& shot, int flags) {
  in_handler = &shot;
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ASSERT_EQ(::sigaction(SIGUSR2, &action, &before), 0);
  deep([] { ::raise(SIGUSR2); });
  ASSERT_EQ(::sigaction(SIGUSR2, &before, nullptr), 0);
  in_handler = nullptr;
}

TEST_F(SelfWalk, signalHandler) {
  Snapshot shot;
  raise_signal(shot, 0);
  expect_whole(shot, 28);
  const auto frames = walk(shot).frames;
  EXPECT_EQ(std::ranges::count_if(frames, is_exact), 2);
}

extern "C" void jt_test_ud2();
asm(".text\n"
    ".type jt_test_ud2, @function\n"
    "jt_test_ud2: .cfi_startproc\n"
    "ud2\n"
    "ret\n"
    ".cfi_endproc\n"
    ".size jt_test_ud2, .-jt_test_ud2\n");

// A place where the interrupted instruction, not the one before it, has the rule: the first byte of
// a function.
TEST_F(SelfWalk, signalAtAFunctionsFirstByte) {
  Snapshot shot;
  in_handler = &shot;
  struct sigaction action{};
  struct sigaction before{};
  action.sa_sigaction = [](int, siginfo_t*, void* context) {
    take(*in_handler);
    // Behind the two bytes of ud2.
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;
  };
  action.sa_flags = SA_SIGINFO;
  ASSERT_EQ(::sigaction(SIGILL, &action, &before), 0);
  jt_test_ud2();
  ASSERT_EQ(::sigaction(SIGILL, &before, nullptr), 0);
  expect_whole(shot, 3);
}

struct AlternateStack {
  std::byte* low = nullptr;
  std::size_t bytes = 0;
  Snapshot* shot = nullptr;
};

void* run_on_alternate_stack(void* argument) {
  const auto& alternate = *static_cast<AlternateStack*>(argument);
  stack_t stack{};
  stack.ss_sp = alternate.low;
  stack.ss_size = alternate.bytes;
  EXPECT_EQ(::sigaltstack(&stack, nullptr), 0);
  raise_signal(*alternate.shot, SA_ONSTACK);
  stack.ss_flags = SS_DISABLE;
  EXPECT_EQ(::sigaltstack(&stack, nullptr), 0);
  return nullptr;
}

// An alternate stack right below the thread's, so that one copy holds both.
TEST_F(SelfWalk, signalHandlerOnAnAlternateStack) {
  constexpr std::size_t kAlternate = 256 * 1024;
  constexpr std::size_t kStack = 1U << 20;
  void* memory = ::mmap(nullptr, kAlternate + kStack, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* low = static_cast<std::byte*>(memory);
  Snapshot shot;
  AlternateStack alternate{low, kAlternate, &shot};
  pthread_attr_t attributes;
  ASSERT_EQ(::pthread_attr_init(&attributes), 0);
  ASSERT_EQ(::pthread_attr_setstack(&attributes, low + kAlternate, kStack), 0);
  pthread_t thread{};
  ASSERT_EQ(::pthread_create(&thread, &attributes, run_on_alternate_stack, &alternate), 0);
  ASSERT_EQ(::pthread_join(thread, nullptr), 0);
  ::pthread_attr_destroy(&attributes);
  EXPECT_LT(shot.regs.sp, reinterpret_cast<std::uint64_t>(low) + kAlternate);
  expect_whole(shot, 28);
  // A copy of the alternate stack alone does not reach the interrupted one.
  shot.copied = reinterpret_cast<std::uint64_t>(low) + kAlternate - shot.regs.sp;
  EXPECT_EQ(walk(shot).status, JT_STATUS_DEFER_CUT);
  ::munmap(memory, kAlternate + kStack);
}

}  // namespace
}  // namespace jtrace::unwind
