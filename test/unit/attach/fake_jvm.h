// SPDX-License-Identifier: Apache-2.0
// A process that listens as a JVM does, or badly, and a /proc entry that describes it.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "jvmsym/attach/client.h"

namespace jtrace::test {

// What it sends on a connection, given the request.
using Reply = std::function<void(int connection, const std::string& request)>;

inline void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

// Up to the end of a request: five strings, or what a request of version 2 says.
inline std::string read_request(int connection) {
  std::string bytes;
  char byte = 0;
  const auto strings = [&] { return std::ranges::count(bytes, '\0'); };
  while (::read(connection, &byte, 1) == 1) {
    bytes += byte;
    if (bytes.starts_with("1") && strings() == 5) break;
    if (bytes.starts_with("2") && strings() >= 2) {
      const auto size_at = bytes.find('\0') + 1;
      const auto body_at = bytes.find('\0', size_at) + 1;
      if (bytes.size() - body_at == std::strtoul(bytes.c_str() + size_at, nullptr, 10)) break;
    }
  }
  return bytes;
}

class FakeJvm {
 public:
  struct Ways {
    bool listens_at_once = false;  // as with -Xrs
    bool obeys_signal = true;
    bool catches_quit = true;
    bool ends_at_signal = false;
    std::string tmp = "root/tmp";  // where its /tmp is
    std::string maps = "1-2 r-xp 0 8:1 42 /lib/server/libjvm.so\n";
    std::string command_line = std::string("java\0Main\0", 10);
  };

  FakeJvm(const Ways& ways, const Reply& reply) : tmp_(ways.tmp) {
    root_ =
        std::filesystem::temp_directory_path() / fmt::format("attach-{}-{}", ::getpid(), made_++);
    std::filesystem::create_directories(root_ / "proc");
    std::filesystem::create_directories(root_ / tmp_);
    std::filesystem::create_directories(root_ / "work");
    std::filesystem::create_symlink("../root", root_ / "proc/root");
    std::filesystem::create_symlink("../work", root_ / "proc/cwd");
    write("maps", ways.maps);
    write("cmdline", ways.command_line);
    sigset_t quit;
    sigemptyset(&quit);
    sigaddset(&quit, SIGQUIT);
    ::sigprocmask(SIG_BLOCK, &quit, nullptr);
    pid_ = ::fork();
    if (pid_ == 0) live(ways, reply, quit);
    ::sigprocmask(SIG_UNBLOCK, &quit, nullptr);
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    directory_.reset(::open((root_ / "proc").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    write("status", fmt::format("Tgid:\t{0}\nUid:\t{1}\t{1}\t{1}\t{1}\nGid:\t{2}\t{2}\t{2}\t{2}\n"
                                "NStgid:\t{0}\t7\nSigCgt:\t{3}\n",
                                pid_, ::geteuid(), ::getegid(), ways.catches_quit ? "4" : "0"));
    if (ways.listens_at_once) {
      while (!std::filesystem::exists(socket_path())) ::usleep(100);
    }
  }
  FakeJvm(const FakeJvm&) = delete;
  FakeJvm& operator=(const FakeJvm&) = delete;
  ~FakeJvm() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    std::filesystem::remove_all(root_);
  }

  [[nodiscard]] jvmsym::attach::Process process() const {
    return {.directory = directory_.get(), .pidfd = pidfd_.get(), .pid = pid_};
  }
  [[nodiscard]] bool lives() const { return ::waitpid(pid_, nullptr, WNOHANG) == 0; }
  [[nodiscard]] std::filesystem::path path(const std::string& name) const { return root_ / name; }
  [[nodiscard]] std::string socket_path() const { return root_ / tmp_ / ".java_pid7"; }
  // A trigger that was left behind.
  [[nodiscard]] bool litter() const {
    return std::filesystem::exists(root_ / "work/.attach_pid7") ||
           std::filesystem::exists(root_ / tmp_ / ".attach_pid7");
  }

 private:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / "proc" / name) << text;
  }

  [[noreturn]] void live(const Ways& ways, const Reply& reply, const sigset_t& quit) const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    int signal = 0;
    if (!ways.listens_at_once) {
      do {
        ::sigwait(&quit, &signal);
        if (ways.ends_at_signal) ::_exit(0);
        // As a JVM does: without the file it is a request for a dump of its threads.
      } while (!ways.obeys_signal || !litter());
    }
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string early = socket_path() + ".tmp";
    early.copy(address.sun_path, sizeof address.sun_path - 1);
    ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener, 5);
    std::filesystem::rename(early, socket_path());
    while (true) {
      const int connection = ::accept(listener, nullptr, nullptr);
      if (connection < 0) ::_exit(1);
      reply(connection, read_request(connection));
      ::close(connection);
    }
  }

  static inline int made_ = 0;
  std::string tmp_;
  std::filesystem::path root_;
  pid_t pid_ = -1;
  UniqueFd pidfd_, directory_;
};

}  // namespace jtrace::test
