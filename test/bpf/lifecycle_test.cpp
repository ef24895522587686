// SPDX-License-Identifier: Apache-2.0
// What happens to a process while it is traced: code that appears, exec, exit; and what is left of
// us when tracing has ended.
#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "traced_child.h"
#include "tracing.h"

namespace jtrace::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kPage = 4096;

std::uint64_t number(const void* address) { return reinterpret_cast<std::uint64_t>(address); }

void* map_pages(std::size_t bytes, int protection) {
  return ::mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

class Lifecycle : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  }

  // The rule of a function that has nothing on the stack but its return address.
  static jt_rule plain_rule() {
    jt_rule rule{};
    rule.cfa_kind = JT_CFA_RSP;
    rule.cfa_off = 8;
    rule.ra_off = -8;
    return rule;
  }

  static std::size_t count(const Tracing& tracing, jt_notice kind) {
    return static_cast<std::size_t>(
        std::ranges::count(tracing.notices, static_cast<std::uint32_t>(kind),
                           [](const jt_notice_record& notice) { return notice.notice; }));
  }
};

void attach_all(Tracing& tracing, const TracedChild& child) {
  tracing.refresh(child.pid());
  tracing.attach("getppid");
  tracing.attach_lifecycle();
}

TEST_F(Lifecycle, eventsInNewCodeAreDeferredUntilTheTablesHaveIt) {
  const TracedChild child([](const ToParent& parent) {
    parent.wait();
    void* page = map_pages(kPage, PROT_READ | PROT_WRITE | PROT_EXEC);
    put_code(page);
    parent.send(call_code(page));
    parent.wait();
    parent.send(call_code(page));
    parent.wait();
  });
  Tracing tracing({.only_tgid = child.pid()});
  attach_all(tracing, child);
  const auto trace = child.go_and_receive_trace();
  const std::uint64_t page = trace.front() - trace.front() % kPage;

  // The notice wakes whoever waits.
  pollfd wake{.fd = tracing.capture().wake_fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&wake, 1, 0), 1);
  tracing.drain();
  ASSERT_THAT(tracing.notices, SizeIs(1));
  EXPECT_EQ(tracing.notices[0].notice, JT_NOTICE_MAPPING);
  EXPECT_EQ(tracing.notices[0].tgid, static_cast<std::uint32_t>(child.pid()));
  EXPECT_EQ(tracing.notices[0].lo, page);
  EXPECT_EQ(tracing.notices[0].hi, page + kPage);
  EXPECT_EQ(tracing.capture().targets().changes(child.pid()), 1U);

  ASSERT_THAT(tracing.deferred, SizeIs(1));
  const jt_deferred_record& record = *tracing.deferred[0];
  EXPECT_EQ(record.regs.pc, trace.front());
  EXPECT_EQ(record.tid, static_cast<std::uint32_t>(child.pid()));
  EXPECT_EQ(record.key.frames, 0U);
  EXPECT_THAT(tracing.stacks, IsEmpty());

  // The registers and the copied stack are all that the walk needs.
  tracing.refresh(child.pid());
  EXPECT_EQ(tracing.walk(record).status, JT_STATUS_NO_CFI);
  tracing.describe(page, plain_rule());
  const auto walk = tracing.walk(record);
  EXPECT_EQ(walk.status, JT_STATUS_COMPLETE);
  auto walked = addresses(walk.frames);
  ASSERT_GT(walked.size(), 2U);
  // The call in call_code() itself is what it cannot tell.
  walked.erase(walked.begin() + 1);
  EXPECT_EQ(walked, trace);

  // The tables have the page now: nothing is deferred any more.
  EXPECT_EQ(child.go_and_receive_trace().front(), trace.front());
  tracing.finish();
  EXPECT_THAT(tracing.deferred, SizeIs(1));
  ASSERT_THAT(tracing.stacks, SizeIs(1));
  EXPECT_EQ(tracing.stacks.begin()->first.status, JT_STATUS_NO_CFI);
  EXPECT_EQ(tracing.counter(JT_COUNTER_FIRED), 2U);
  EXPECT_EQ(tracing.counter(JT_COUNTER_KEPT), 2U);
  EXPECT_EQ(tracing.counter(JT_COUNTER_DEFERRED), 1U);
  EXPECT_EQ(tracing.counter(JT_COUNTER_NOTICE_LOST), 0U);
}

// Pages of a large frame that never were touched are not in the copy, and not needed.
TEST_F(Lifecycle, deferredStackSkipsAbsentPages) {
  for (const std::size_t pages : {5U, 12U}) {
    const TracedChild child([=](const ToParent& parent) {
      parent.wait();
      void* page = map_pages(kPage, PROT_READ | PROT_WRITE | PROT_EXEC);
      put_code(page);
      parent.send(call_code_below_gap(page, pages * kPage));
      parent.wait();
    });
    Tracing tracing({.only_tgid = child.pid()});
    attach_all(tracing, child);
    auto trace = child.go_and_receive_trace();
    tracing.finish();
    ASSERT_THAT(tracing.deferred, SizeIs(1));
    const jt_deferred_record& record = *tracing.deferred[0];
    EXPECT_NE(record.absent, 0U);
    tracing.refresh(child.pid());
    tracing.describe(trace.front(), plain_rule());
    const auto walk = tracing.walk(record);
    auto walked = addresses(walk.frames);
    ASSERT_GT(walked.size(), 2U);
    walked.erase(walked.begin() + 1);
    // So many in a row are taken for the guard pages behind the stack's end.
    const bool cut = pages > 7;
    EXPECT_EQ(walk.status, cut ? JT_STATUS_DEFER_CUT : JT_STATUS_COMPLETE);
    if (cut) trace.resize(2);
    EXPECT_EQ(walked, trace);
  }
}

TEST_F(Lifecycle, codeThatIsProtectedOrMovedIsNewToo) {
  const TracedChild child([](const ToParent& parent) {
    parent.wait();
    void* page = map_pages(kPage, PROT_READ | PROT_WRITE);
    void* data = map_pages(kPage, PROT_READ | PROT_WRITE);
    put_code(page);
    parent.send(0);  // nothing executable yet
    parent.wait();
    // The kernel rounds up to the page's end.
    ::mprotect(page, 100, PROT_READ | PROT_EXEC);
    parent.send(call_code(page));
    parent.wait();
    // Data first: no news. Then the code.
    void* moved = ::mremap(data, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED,
                           static_cast<char*>(page) + 16 * kPage);
    parent.send(number(moved));
    parent.wait();
    moved = ::mremap(page, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED,
                     static_cast<char*>(page) + 32 * kPage);
    parent.send(call_code(moved));
    parent.wait();
  });
  Tracing tracing({.only_tgid = child.pid()});
  attach_all(tracing, child);
  child.go();
  EXPECT_EQ(child.receive<int>(), 0);
  EXPECT_EQ(tracing.capture().targets().changes(child.pid()), 0U);

  auto trace = child.go_and_receive_trace();
  tracing.drain();
  ASSERT_THAT(tracing.notices, SizeIs(1));
  EXPECT_EQ(tracing.notices[0].hi - tracing.notices[0].lo, kPage);
  ASSERT_THAT(tracing.deferred, SizeIs(1));
  EXPECT_EQ(tracing.deferred[0]->regs.pc, trace.front());

  tracing.refresh(child.pid());
  child.go();
  EXPECT_NE(child.receive<std::uint64_t>(), number(MAP_FAILED));
  EXPECT_EQ(tracing.capture().targets().changes(child.pid()), 1U);

  trace = child.go_and_receive_trace();
  tracing.finish();
  EXPECT_EQ(tracing.capture().targets().changes(child.pid()), 2U);
  EXPECT_THAT(tracing.notices, SizeIs(2));
  ASSERT_THAT(tracing.deferred, SizeIs(2));
  EXPECT_EQ(tracing.deferred[1]->regs.pc, trace.front());
}

// A JVM's code heap grows by mprotect all the time; what is in it is read live.
TEST_F(Lifecycle, changesInsideTheCodeHeapAreNone) {
  constexpr std::size_t kHeap = 16 * kPage;
  const TracedChild child([](const ToParent& parent) {
    parent.wait();
    auto* heap = static_cast<char*>(map_pages(kHeap + 2 * kPage, PROT_NONE));
    parent.send(number(heap));
    parent.wait();
    ::mprotect(heap, kPage, PROT_READ | PROT_WRITE | PROT_EXEC);
    ::mprotect(heap + kHeap - kPage, kPage, PROT_READ | PROT_WRITE | PROT_EXEC);
    ::mmap(heap + kPage, kPage, PROT_READ | PROT_WRITE | PROT_EXEC,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    put_code(heap);
    parent.send(call_code(heap));
    parent.wait();
    ::mprotect(heap + kHeap - kPage, 2 * kPage, PROT_READ | PROT_EXEC);
    parent.send(0);
    parent.wait();
  });
  Tracing tracing({.only_tgid = child.pid()});
  attach_all(tracing, child);
  child.go();
  const auto heap = child.receive<std::uint64_t>();
  tracing.refresh(child.pid(), heap, heap + kHeap);
  static_cast<void>(child.go_and_receive_trace());
  EXPECT_EQ(tracing.capture().targets().changes(child.pid()), 0U);
  child.go();
  EXPECT_EQ(child.receive<int>(), 0);
  EXPECT_EQ(tracing.capture().targets().changes(child.pid()), 1U);  // it reached beyond
  tracing.finish();
  EXPECT_THAT(tracing.notices, SizeIs(1));
  EXPECT_THAT(tracing.deferred, IsEmpty());
}

TEST_F(Lifecycle, mappingsOfOtherProcessesAreNone) {
  const TracedChild child([](const ToParent& parent) { parent.wait(); });
  const TracedChild other([](const ToParent& parent) {
    parent.wait();
    parent.send(number(map_pages(kPage, PROT_READ | PROT_EXEC)));
    parent.wait();
  });
  Tracing tracing;
  attach_all(tracing, child);
  other.go();
  EXPECT_NE(other.receive<std::uint64_t>(), number(MAP_FAILED));
  tracing.finish();
  EXPECT_THAT(tracing.notices, IsEmpty());
}

TEST_F(Lifecycle, execAndExitAreTold) {
  TracedChild child([](const ToParent& parent) {
    parent.wait();
    ::execl("/bin/true", "true", nullptr);
  });
  Tracing tracing({.only_tgid = child.pid()});
  attach_all(tracing, child);
  const auto pid = static_cast<std::uint32_t>(child.pid());
  child.go();
  child.join();
  tracing.finish();
  EXPECT_EQ(count(tracing, JT_NOTICE_EXEC), 1U);
  EXPECT_EQ(count(tracing, JT_NOTICE_EXIT), 1U);
  ASSERT_FALSE(tracing.notices.empty());
  EXPECT_EQ(tracing.notices.back().notice, JT_NOTICE_EXIT);
  for (const auto& notice : tracing.notices) EXPECT_EQ(notice.tgid, pid);
}

TEST_F(Lifecycle, exitIsThatOfTheLastThread) {
  TracedChild child([](const ToParent& parent) {
    parent.wait();
    std::thread([] {}).join();
    parent.send(0);
    parent.wait();
  });
  Tracing tracing({.only_tgid = child.pid()});
  attach_all(tracing, child);
  child.go();
  EXPECT_EQ(child.receive<int>(), 0);
  tracing.drain();
  EXPECT_EQ(count(tracing, JT_NOTICE_EXIT), 0U);
  child.go();
  child.join();
  tracing.finish();
  EXPECT_EQ(count(tracing, JT_NOTICE_EXIT), 1U);
}

std::size_t open_files() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

// Ids of the BPF programs ("prog_id") or maps ("map_id") that we hold.
std::set<std::uint32_t> bpf_ids(const std::string& what) {
  std::set<std::uint32_t> ids;
  for (const auto& file : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream in(file.path());
    for (std::string word; in >> word;) {
      std::uint32_t id = 0;
      if (word == what + ":" && in >> id) ids.insert(id);
    }
  }
  return ids;
}

bool bpf_object_exists(int command, std::uint32_t id) {
  bpf_attr attr{};
  attr.prog_id = id;
  const auto fd = ::syscall(SYS_bpf, command, &attr, sizeof(attr));
  if (fd >= 0) ::close(static_cast<int>(fd));
  return fd >= 0;
}

// The kernel takes them down on its own time.
bool all_gone(int command, const std::set<std::uint32_t>& ids) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::ranges::any_of(ids, [&](auto id) { return bpf_object_exists(command, id); })) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST_F(Lifecycle, nothingIsLeftInTheKernel) {
  const TracedChild child([](const ToParent& parent) {
    parent.wait();
    parent.send(call_at_depth(SYS_getppid, 1));
    parent.wait();
  });
  const std::size_t before = open_files();
  std::set<std::uint32_t> programs;
  std::set<std::uint32_t> maps;
  {
    Tracing tracing({.only_tgid = child.pid(), .stack_ids = true});
    attach_all(tracing, child);
    static_cast<void>(child.go_and_receive_trace());
    tracing.drain();
    programs = bpf_ids("prog_id");
    maps = bpf_ids("map_id");
    EXPECT_GE(programs.size(), 9U);
    EXPECT_GE(maps.size(), 10U);
    EXPECT_TRUE(std::ranges::all_of(
        programs, [](auto id) { return bpf_object_exists(BPF_PROG_GET_FD_BY_ID, id); }));
  }
  EXPECT_EQ(open_files(), before);
  EXPECT_TRUE(all_gone(BPF_PROG_GET_FD_BY_ID, programs));
  EXPECT_TRUE(all_gone(BPF_MAP_GET_FD_BY_ID, maps));
}

}  // namespace
}  // namespace jtrace::test
