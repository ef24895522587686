// SPDX-License-Identifier: Apache-2.0
// What a descriptor stands for, as BPF reads it at a call: as readlink() of /proc/self/fd says of
// files, getsockname() and getpeername() of sockets.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "bpf/event_abi.h"
#include "event/tracepoint.h"
#include "fd_path_bpf.skel.h"
#include "filter/fd_text.h"

namespace jtrace::test {
namespace {

constexpr const char* kUnreadable = "(unreadable)";
constexpr const char* kMissing = "(missing)";
constexpr int kSkip = 77;

struct Unload {
  void operator()(fd_path_bpf* object) const { fd_path_bpf::destroy(object); }
};

// Runs in the test and in its children, which have the same maps.
class Probe {
 public:
  Probe() : object_(fd_path_bpf::open_and_load()) {
    if (object_ && !attach()) object_.reset();
  }
  [[nodiscard]] bool loaded() const { return object_ != nullptr; }

  // What the kernel side makes of a descriptor of the calling process.
  [[nodiscard]] std::string seen(int fd) const {
    const std::uint32_t slot = 0;
    const int map = bpf_map__fd(object_->maps.texts);
    jt_text text{};
    text.bytes = -2;  // the program did not run
    bpf_map_update_elem(map, &slot, &text, BPF_ANY);
    object_->bss->tgid = static_cast<std::uint32_t>(::getpid());
    struct statfs unused{};
    ::fstatfs(fd, &unused);
    object_->bss->tgid = 0;
    bpf_map_lookup_elem(map, &slot, &text);
    if (text.bytes == -2) return "(not run)";
    if (text.bytes < 0) return kUnreadable;
    const auto size = static_cast<std::size_t>(text.bytes);
    return filter::fd_text(std::as_bytes(std::span(text.text)).first(size));
  }

 private:
  struct Detach {
    void operator()(bpf_link* link) const { bpf_link__destroy(link); }
  };
  [[nodiscard]] bool attach() {
    const auto tracefs = event::Tracefs::open();
    if (!tracefs) return false;
    const auto id = tracefs->find({"syscalls", "sys_enter_fstatfs"});
    if (!id || !*id) return false;
    perf_event_attr attr{};
    attr.type = PERF_TYPE_TRACEPOINT;
    attr.size = sizeof(attr);
    attr.config = (*id)->id;
    // Of one CPU, but its programs run on all.
    const long fd = ::syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0) return false;
    link_.reset(bpf_program__attach_perf_event(object_->progs.enter_fstatfs, static_cast<int>(fd)));
    return link_ != nullptr;
  }

  std::unique_ptr<fd_path_bpf, Unload> object_;
  std::unique_ptr<bpf_link, Detach> link_;
};

// /proc/self/fd, which stays reachable from a chroot.
class Links {
 public:
  Links() : directory_(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  [[nodiscard]] std::string of(int fd) const {
    std::array<char, 8192> text{};
    const ssize_t n =
        ::readlinkat(directory_.get(), std::to_string(fd).c_str(), text.data(), text.size());
    return n < 0 ? "(no link)" : std::string(text.data(), static_cast<std::size_t>(n));
  }

 private:
  UniqueFd directory_;
};

class FdPath : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(probe_.loaded());
    std::string path = "/tmp/jtrace-fd-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    root_ = path;
  }
  void TearDown() override {
    if (!root_.empty()) std::filesystem::remove_all(root_);
  }

  static UniqueFd made(const std::filesystem::path& path) {
    std::filesystem::create_directories(path.parent_path());
    return UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  }

  // As the kernel's own link says.
  void same(int fd, const std::string& what) const {
    ASSERT_GE(fd, 0) << what;
    EXPECT_EQ(probe_.seen(fd), Links().of(fd)) << what;
  }

  // The body in a child with mounts of its own; what it returns is a complaint, or kMissing.
  static void in_child(const std::function<std::string()>& body) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      std::string complaint = "no mount namespace";
      if (::unshare(CLONE_NEWNS) == 0 &&
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) {
        complaint = body();
      }
      if (complaint == kMissing) ::_exit(kSkip);
      if (!complaint.empty()) std::fprintf(stderr, "%s\n", complaint.c_str());
      ::_exit(complaint.empty() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kSkip) GTEST_SKIP() << "this kernel has no such file system";
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }

  Probe probe_;
  std::filesystem::path root_;
};

std::string differ(const std::string& seen, const std::string& link, const std::string& want) {
  if (seen == link && link == want) return {};
  return "seen " + seen + ", link " + link + ", want " + want;
}

// `levels` directories and a file.
std::filesystem::path deep(std::filesystem::path path, int levels) {
  for (int i = 0; i < levels; ++i) path /= "d" + std::to_string(i);
  return path / "file";
}

TEST_F(FdPath, filesAtEachDepth) {
  const UniqueFd top(::open("/", O_RDONLY | O_CLOEXEC));
  same(top.get(), "the root");
  const UniqueFd tmp(::open("/tmp", O_RDONLY | O_CLOEXEC));
  same(tmp.get(), "depth 1");
  // /tmp/jtrace-fd-XXXXXX/.../file
  for (const int levels : {0, 2, 5, 12, 13}) {
    const UniqueFd fd = made(deep(root_, levels));
    same(fd.get(), std::to_string(levels + 3));
  }
  const std::string longest(255, 'n');
  const UniqueFd named = made(root_ / longest);
  same(named.get(), "the longest name");
  const UniqueFd odd = made(root_ / "with a blank;and\x1b[31m");
  same(odd.get(), "odd bytes");
}

TEST_F(FdPath, aPathTooLongIsMarked) {
  const UniqueFd twenty = made(deep(root_, 17));
  const std::string link = Links().of(twenty.get());
  const std::string seen = probe_.seen(twenty.get());
  ASSERT_TRUE(seen.starts_with(".../")) << seen;
  EXPECT_TRUE(link.ends_with(seen.substr(3))) << seen;
  EXPECT_EQ(std::ranges::count(seen, '/'), 16);
  std::filesystem::path wide = root_;
  for (int i = 0; i < 5; ++i) wide /= std::string(250, static_cast<char>('a' + i));
  const UniqueFd bytes = made(wide / "file");
  const std::string cut = probe_.seen(bytes.get());
  EXPECT_TRUE(cut.starts_with(".../")) << cut;
  EXPECT_TRUE(Links().of(bytes.get()).ends_with(cut.substr(3))) << cut;
}

TEST_F(FdPath, deletedAndRenamed) {
  const UniqueFd deleted = made(root_ / "deleted");
  std::filesystem::remove(root_ / "deleted");
  same(deleted.get(), "deleted");
  EXPECT_TRUE(probe_.seen(deleted.get()).ends_with("/deleted (deleted)"));
  const UniqueFd renamed = made(root_ / "before");
  std::filesystem::create_directory(root_ / "other");
  std::filesystem::rename(root_ / "before", root_ / "other" / "after");
  same(renamed.get(), "renamed");
  EXPECT_EQ(probe_.seen(renamed.get()), (root_ / "other" / "after").string());
}

TEST_F(FdPath, workingDirectory) {
  std::array<char, 4096> cwd{};
  ASSERT_NE(::getcwd(cwd.data(), cwd.size()), nullptr);
  EXPECT_EQ(probe_.seen(AT_FDCWD), cwd.data());
  in_child([this] {
    if (::chdir(root_.c_str()) != 0) return std::string("chdir");
    return differ(probe_.seen(AT_FDCWD), root_, root_);
  });
}

TEST_F(FdPath, nothingIsOpenThere) {
  for (const int fd : {-1, 9999, 1 << 30, -99, -101}) {
    EXPECT_EQ(probe_.seen(fd), kUnreadable) << fd;
  }
}

TEST_F(FdPath, acrossMounts) {
  in_child([this]() -> std::string {
    const std::filesystem::path tmpfs = root_ / "m" / "tmpfs", bind = root_ / "b";
    std::filesystem::create_directories(tmpfs);
    std::filesystem::create_directories(bind);
    if (::mount("t", tmpfs.c_str(), "tmpfs", 0, nullptr) != 0) return "tmpfs";
    const UniqueFd in_tmpfs = made(tmpfs / "x" / "file");
    const UniqueFd its_root(::open(tmpfs.c_str(), O_RDONLY | O_CLOEXEC));
    if (::mount((tmpfs / "x").c_str(), bind.c_str(), nullptr, MS_BIND, nullptr) != 0) return "bind";
    const UniqueFd bound(::open((bind / "file").c_str(), O_RDONLY | O_CLOEXEC));
    // One over the other, at the same place.
    if (::mount("t", bind.c_str(), "tmpfs", 0, nullptr) != 0) return "second";
    const UniqueFd above = made(bind / "above");
    const Links links;
    std::string complaint;
    for (const auto& [fd, want] :
         {std::pair{in_tmpfs.get(), tmpfs / "x" / "file"}, std::pair{its_root.get(), tmpfs},
          std::pair{bound.get(), bind / "file"}, std::pair{above.get(), bind / "above"}}) {
      complaint += differ(probe_.seen(fd), links.of(fd), want);
    }
    return complaint;
  });
}

TEST_F(FdPath, inAnOverlay) {
  in_child([this]() -> std::string {
    // Overlays do not lie on overlays; the test's own directory may.
    if (::mount("t", root_.c_str(), "tmpfs", 0, nullptr) != 0) return "tmpfs";
    for (const char* name : {"lower", "upper", "work", "merged"}) {
      std::filesystem::create_directory(root_ / name);
    }
    const UniqueFd lower = made(root_ / "lower" / "file");
    const std::string options = "lowerdir=" + (root_ / "lower").string() +
                                ",upperdir=" + (root_ / "upper").string() +
                                ",workdir=" + (root_ / "work").string();
    const std::filesystem::path merged = root_ / "merged";
    if (::mount("o", merged.c_str(), "overlay", 0, options.c_str()) != 0) {
      return errno == ENODEV ? kMissing : "overlay";
    }
    const UniqueFd fd(::open((merged / "file").c_str(), O_RDONLY | O_CLOEXEC));
    return differ(probe_.seen(fd.get()), Links().of(fd.get()), merged / "file");
  });
}

TEST_F(FdPath, inAChroot) {
  in_child([this]() -> std::string {
    const Links links;
    const UniqueFd outside = made(root_ / "outside");
    const UniqueFd inside = made(root_ / "jail" / "etc" / "inside");
    if (::chroot((root_ / "jail").c_str()) != 0 || ::chdir("/") != 0) return "chroot";
    return differ(probe_.seen(inside.get()), links.of(inside.get()), "/etc/inside") +
           differ(probe_.seen(outside.get()), links.of(outside.get()), root_ / "outside") +
           differ(probe_.seen(AT_FDCWD), "/", "/");
  });
}

TEST_F(FdPath, whatLiesInNoDirectory) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reading(ends[0]), writing(ends[1]);
  same(reading.get(), "pipe");
  same(writing.get(), "pipe");
  same(UniqueFd(::eventfd(0, EFD_CLOEXEC)).get(), "eventfd");
  same(UniqueFd(::epoll_create1(EPOLL_CLOEXEC)).get(), "epoll");
  same(UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)).get(), "timerfd");
  same(UniqueFd(::memfd_create("some name", MFD_CLOEXEC)).get(), "memfd");
  same(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)).get(), "a device");
  same(UniqueFd(::open("/proc/self/status", O_RDONLY | O_CLOEXEC)).get(), "proc");
  ASSERT_EQ(::mkfifo((root_ / "fifo").c_str(), 0600), 0);
  same(UniqueFd(::open((root_ / "fifo").c_str(), O_RDWR | O_CLOEXEC)).get(), "a named pipe");
  const UniqueFd ns(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ("mnt" + probe_.seen(ns.get()).substr(2), Links().of(ns.get()));
}

// A network of our own, whose loopback is up whatever the host has.
bool own_network() {
  if (::unshare(CLONE_NEWNET) != 0) return false;
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::string("lo").copy(&request.ifr_name[0], 2);
  request.ifr_flags = IFF_UP;
  return ::ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0;
}

// Of AF_INET or AF_INET6, bound to the loopback.
UniqueFd bound(int family, int type) {
  UniqueFd fd(::socket(family, type | SOCK_CLOEXEC, 0));
  sockaddr_storage address{};
  address.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
  } else {
    reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

std::string name_of(int fd, bool peer) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  auto* to = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(peer ? ::getpeername(fd, to, &size) : ::getsockname(fd, to, &size), 0);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  return std::string(text.data()) + ":" + std::to_string(ntohs(v4.sin_port));
}

bool join(int fd, int to) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  return ::getsockname(to, name, &size) == 0 && ::connect(fd, name, size) == 0;
}

TEST_F(FdPath, internetSockets) {
  ASSERT_TRUE(own_network());
  for (const int family : {AF_INET, AF_INET6}) {
    const UniqueFd server = bound(family, SOCK_STREAM);
    EXPECT_EQ(probe_.seen(server.get()), "tcp " + name_of(server.get(), false));
    ASSERT_EQ(::listen(server.get(), 4), 0);
    EXPECT_EQ(probe_.seen(server.get()), "tcp " + name_of(server.get(), false) + " (listening)");
    const UniqueFd client(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(join(client.get(), server.get()));
    const UniqueFd accepted(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
    for (const int fd : {client.get(), accepted.get()}) {
      EXPECT_EQ(probe_.seen(fd), "tcp " + name_of(fd, false) + "->" + name_of(fd, true));
    }
    const UniqueFd udp = bound(family, SOCK_DGRAM);
    EXPECT_EQ(probe_.seen(udp.get()), "udp " + name_of(udp.get(), false));
    const UniqueFd other = bound(family, SOCK_DGRAM);
    ASSERT_TRUE(join(other.get(), udp.get()));
    EXPECT_EQ(probe_.seen(other.get()),
              "udp " + name_of(other.get(), false) + "->" + name_of(other.get(), true));
  }
}

// As a JVM's: IPv6, but connected to IPv4.
TEST_F(FdPath, aSocketOfBothFamilies) {
  ASSERT_TRUE(own_network());
  const UniqueFd server = bound(AF_INET, SOCK_STREAM);
  ASSERT_EQ(::listen(server.get(), 4), 0);
  const std::string name = name_of(server.get(), false);
  const UniqueFd client(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  ASSERT_EQ(::inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.sin6_addr), 1);
  address.sin6_port = htons(static_cast<std::uint16_t>(std::stoi(name.substr(name.find(':') + 1))));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string seen = probe_.seen(client.get());
  EXPECT_TRUE(seen.starts_with("tcp 127.0.0.1:")) << seen;
  EXPECT_TRUE(seen.ends_with("->" + name)) << seen;
}

TEST_F(FdPath, unixSockets) {
  const std::string path = (root_ / "socket").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(&address.sun_path[0], sizeof(address.sun_path) - 1);
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  const UniqueFd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(probe_.seen(server.get()), "unix");
  ASSERT_EQ(::bind(server.get(), name, sizeof(address)), 0);
  ASSERT_EQ(::listen(server.get(), 4), 0);
  EXPECT_EQ(probe_.seen(server.get()), "unix " + path + " (listening)");
  const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.get(), name, sizeof(address)), 0);
  const UniqueFd accepted(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(probe_.seen(client.get()), "unix ->" + path);
  EXPECT_EQ(probe_.seen(accepted.get()), "unix " + path);
  // A name that is no path, as long as it was given.
  sockaddr_un abstract{};
  abstract.sun_family = AF_UNIX;
  std::string("jtrace").copy(&abstract.sun_path[1], 6);
  const UniqueFd datagrams(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(datagrams.get(), reinterpret_cast<sockaddr*>(&abstract), 2 + 7), 0);
  EXPECT_EQ(probe_.seen(datagrams.get()), "unix-dgram @jtrace");
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  const UniqueFd one(pair[0]), two(pair[1]);
  EXPECT_EQ(probe_.seen(one.get()), "unix");
}

TEST_F(FdPath, otherSockets) {
  const UniqueFd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
  EXPECT_EQ(probe_.seen(netlink.get()), "AF_NETLINK SOCK_RAW");
}

}  // namespace
}  // namespace jtrace::test
