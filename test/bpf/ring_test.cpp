// SPDX-License-Identifier: Apache-2.0
// A record that is still being written holds up those behind it: they are not there yet, and who
// drains is told so.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/unique_fd.h"
#include "hold_record_bpf.skel.h"
#include "traced_child.h"
#include "tracing.h"

namespace jtrace::test {
namespace {

// A page that is not there until provide() is called.
class AbsentPage {
 public:
  AbsentPage() : fault_(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC))) {
    size_ = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    page_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uffdio_api api{.api = UFFD_API, .features = 0, .ioctls = 0};
    uffdio_register range{.range = {.start = address(), .len = size_},
                          .mode = UFFDIO_REGISTER_MODE_MISSING,
                          .ioctls = 0};
    good_ = fault_.valid() && page_ != MAP_FAILED && ::ioctl(fault_.get(), UFFDIO_API, &api) == 0 &&
            ::ioctl(fault_.get(), UFFDIO_REGISTER, &range) == 0;
  }
  AbsentPage(const AbsentPage&) = delete;
  AbsentPage& operator=(const AbsentPage&) = delete;
  ~AbsentPage() { ::munmap(page_, size_); }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(page_); }
  // Somebody has come to it, and waits.
  [[nodiscard]] bool wait_until_wanted() const {
    constexpr int kMs = 20'000;
    pollfd ready{.fd = fault_.get(), .events = POLLIN, .revents = 0};
    uffd_msg message{};
    return ::poll(&ready, 1, kMs) == 1 &&
           ::read(fault_.get(), &message, sizeof(message)) == sizeof(message);
  }
  void provide() const {
    uffdio_zeropage zero{.range = {.start = address(), .len = size_}, .mode = 0, .zeropage = 0};
    ::ioctl(fault_.get(), UFFDIO_ZEROPAGE, &zero);
  }

 private:
  UniqueFd fault_;
  std::size_t size_ = 0;
  void* page_ = nullptr;
  bool good_ = false;
};

// The only ring buffer that this process has open: the capture's.
int ring_fd() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string name = entry.path().filename().string();
    const auto info = read_file("/proc/self/fdinfo/" + name, 4096);
    const std::string wanted = "map_type:\t" + std::to_string(BPF_MAP_TYPE_RINGBUF) + "\n";
    if (!info || !info->contains(wanted)) continue;
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    return fd;
  }
  return -1;
}

TEST(Ring, isNotEmptyWhileARecordIsBeingWritten) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  TracedChild child([](const ToParent& parent) {
    parent.wait();
    ::syscall(SYS_getppid);
    parent.send(std::uint32_t{1});
  });
  Tracing tracing({.only_tgid = child.pid(), .windows = true});
  tracing.refresh(child.pid());
  tracing.attach("getppid");
  tracing.drain();

  hold_record_bpf* holder = hold_record_bpf__open();
  ASSERT_NE(holder, nullptr);
  const int ring = ring_fd();
  ASSERT_GE(ring, 0);
  ASSERT_EQ(bpf_map__reuse_fd(holder->maps.ring, ring), 0);
  ASSERT_EQ(hold_record_bpf__load(holder), 0);
  const AbsentPage page;
  ASSERT_TRUE(page.good());
  std::uint64_t argument = page.address();
  int result = -1;
  std::thread writer([&] {
    LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &argument, .ctx_size_in = sizeof(argument));
    const int fd = bpf_program__fd(holder->progs.hold_record);
    result = bpf_prog_test_run_opts(fd, &run) == 0 ? static_cast<int>(run.retval) : errno;
  });
  const bool waits = page.wait_until_wanted();

  // Behind it: what belongs to the window that ends.
  child.go();
  EXPECT_EQ(child.receive<std::uint32_t>(), 1U);
  tracing.capture().begin_window();
  std::size_t stacks = 0;
  const capture::RecordHandlers handlers{.stack =
                                             [&](const jt_stack_record& record) {
                                               ++stacks;
                                               EXPECT_EQ(record.head.window, 0U);
                                             },
                                         .deferred = [](const jt_deferred_record&) {},
                                         .notice = [](const jt_notice_record&) {}};
  const bool empty = tracing.capture().drain(handlers);
  const std::size_t before = stacks;
  page.provide();
  writer.join();
  EXPECT_TRUE(waits);
  EXPECT_EQ(result, 0);
  EXPECT_FALSE(empty) << "what is behind the record would be taken for the next window's";
  EXPECT_EQ(before, 0U);
  EXPECT_TRUE(tracing.capture().drain(handlers));
  EXPECT_GE(stacks, 1U);
  EXPECT_TRUE(tracing.capture().drain(handlers));
  hold_record_bpf__destroy(holder);
}

}  // namespace
}  // namespace jtrace::test
