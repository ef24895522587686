// SPDX-License-Identifier: Apache-2.0
// Compiled without frame pointers.
#include "traced_child.h"

#include <execinfo.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include "system_call.h"

namespace jtrace::test {
namespace {

[[gnu::noinline]] void recurse(long number, int depth, int times, Trace& trace) {
  if (depth == 0) {
    call_here(number, times, trace);
  } else {
    recurse(number, depth - 1, times, trace);
  }
  asm volatile("" ::: "memory");
}

// What the handler, which takes no argument of ours, is to do.
struct HandlerTask {
  long number = 0;
  Trace* trace = nullptr;
};
HandlerTask handler_task;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

struct GapTask {
  void* page = nullptr;
  std::size_t bytes = 0;
  Trace trace;
};

void* call_below_gap(void* argument) {
  auto& task = *static_cast<GapTask*>(argument);
  auto* room = static_cast<volatile char*>(__builtin_alloca(task.bytes));
  task.trace = call_code(task.page);
  room[0] = 1;
  return nullptr;
}

void handler(int /*signal*/) { call_here(handler_task.number, 1, *handler_task.trace); }

}  // namespace

void ToParent::wait() const {
  char byte = 0;
  if (::read(in_.get(), &byte, 1) != 1) ::_exit(0);
}

void ToParent::send(std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::write(out_.get(), bytes.data(), bytes.size());
    if (n <= 0) ::_exit(1);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void ToParent::send(const Trace& trace) const {
  send(trace.size());
  send(std::as_bytes(std::span(trace)));
}

TracedChild::TracedChild(const Body& body) {
  // backtrace() loads libgcc_s when it is first used: not in the child, where it would be an event.
  std::array<void*, 1> unused;
  static_cast<void>(::backtrace(unused.data(), 1));
  std::array<int, 2> down{};
  std::array<int, 2> up{};
  EXPECT_EQ(::pipe2(down.data(), O_CLOEXEC), 0);
  EXPECT_EQ(::pipe2(up.data(), O_CLOEXEC), 0);
  UniqueFd child_in(down[0]);
  UniqueFd child_out(up[1]);
  to_child_.reset(down[1]);
  from_child_.reset(up[0]);
  pid_ = ::fork();
  EXPECT_GE(pid_, 0);
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  to_child_.reset();
  from_child_.reset();
  const ToParent parent(std::move(child_in), std::move(child_out));
  body(parent);
  ::_exit(0);
}

TracedChild::~TracedChild() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  join();
}

void TracedChild::join() {
  EXPECT_EQ(::waitpid(pid_, nullptr, 0), pid_);
  pid_ = 0;
}

void TracedChild::go() const { EXPECT_EQ(::write(to_child_.get(), "", 1), 1); }

void TracedChild::receive(std::span<std::byte> into) const {
  while (!into.empty()) {
    const ssize_t n = ::read(from_child_.get(), into.data(), into.size());
    ASSERT_GT(n, 0) << "the child has died";
    into = into.subspan(static_cast<std::size_t>(n));
  }
}

Trace TracedChild::receive_trace() const {
  Trace trace(receive<std::size_t>());
  receive(std::as_writable_bytes(std::span(trace)));
  return trace;
}

Trace call_at_depth(long number, int depth, int times) {
  Trace trace;
  recurse(number, depth, times, trace);
  return trace;
}

Trace call_in_signal_handler(long number) {
  constexpr std::size_t kBytes = 256 * 1024;
  std::vector<std::byte> memory(kBytes);
  stack_t stack{};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_ONSTACK;
  Trace trace;
  handler_task = {number, &trace};
  if (::sigaltstack(&stack, nullptr) != 0 || ::sigaction(SIGUSR1, &action, nullptr) != 0) return {};
  ::raise(SIGUSR1);
  stack.ss_flags = SS_DISABLE;
  ::sigaltstack(&stack, nullptr);
  return trace;
}

void put_code(void* page) {
  // mov $110 (getppid), %eax; syscall; ret
  constexpr std::array<unsigned char, 8> kCode{0xb8, 0x6e, 0, 0, 0, 0x0f, 0x05, 0xc3};
  std::memcpy(page, kCode.data(), kCode.size());
}

Trace call_code_below_gap(void* page, std::size_t bytes) {
  // A stack of our own, so that no page of it was touched before.
  constexpr std::size_t kStack = 1U << 20;
  void* stack = ::mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED || ::madvise(stack, kStack, MADV_NOHUGEPAGE) != 0) return {};
  GapTask task{.page = page, .bytes = bytes, .trace = {}};
  pthread_attr_t attributes;
  pthread_t thread{};
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstack(&attributes, stack, kStack);
  if (::pthread_create(&thread, &attributes, call_below_gap, &task) != 0) return {};
  ::pthread_join(thread, nullptr);
  ::pthread_attr_destroy(&attributes);
  return task.trace;
}

[[gnu::noinline]] Trace call_code(void* page) {
  constexpr std::uint64_t kBehindCall = 7;
  reinterpret_cast<long (*)()>(page)();
  Trace trace{reinterpret_cast<std::uint64_t>(page) + kBehindCall};
  append_callers(trace);
  return trace;
}

}  // namespace jtrace::test
