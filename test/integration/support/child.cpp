// SPDX-License-Identifier: Apache-2.0
#include "integration/support/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace jtrace::test {
namespace {

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) {
    return fail(Errc::Internal, errno_text("pipe2", errno));
  }
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

class SpawnActions {
 public:
  SpawnActions() { posix_spawn_file_actions_init(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }

  void dup2(const UniqueFd& from, int to) {
    posix_spawn_file_actions_adddup2(&actions_, from.get(), to);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Whatever there is; false at the end of the stream.
bool read_into(const UniqueFd& fd, std::string& text) {
  std::array<char, 65536> buffer;
  const ssize_t n = read(fd.get(), buffer.data(), buffer.size());
  if (n > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
  return n > 0 || (n < 0 && errno == EINTR);
}

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& argv,
                           const std::vector<std::string>& environment) {
  JT_TRY(Pipe in, make_pipe());
  JT_TRY(Pipe out, make_pipe());
  JT_TRY(Pipe err, make_pipe());
  SpawnActions actions;
  actions.dup2(in.read, STDIN_FILENO);
  actions.dup2(out.write, STDOUT_FILENO);
  actions.dup2(err.write, STDERR_FILENO);

  std::vector<std::string> arguments = argv;
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    variables.emplace_back(*variable);
  }
  variables.insert(variables.end(), environment.begin(), environment.end());
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv.at(0).c_str(), actions.get(), nullptr,
                                 pointers(arguments).data(), pointers(variables).data());
  if (error != 0) return fail(Errc::Target, errno_text("start " + argv[0], error));
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  return Child(pid, std::move(pidfd), std::move(in.write), std::move(out.read),
               std::move(err.read));
}

Child::Child(pid_t pid, UniqueFd pidfd, UniqueFd in, UniqueFd out, UniqueFd err)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      in_fd_(std::move(in)),
      out_fd_(std::move(out)),
      err_fd_(std::move(err)) {}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      in_fd_(std::move(other.in_fd_)),
      out_fd_(std::move(other.out_fd_)),
      err_fd_(std::move(other.err_fd_)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)),
      status_(other.status_) {}

Child::~Child() {
  if (pid_ <= 0 || status_ >= 0) return;
  kill(pid_, SIGKILL);
  int ignored = 0;
  while (waitpid(pid_, &ignored, 0) < 0 && errno == EINTR) {
  }
}

bool Child::reap() {
  if (status_ >= 0) return true;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

bool Child::read_some(Deadline deadline) {
  using std::chrono::milliseconds;
  const auto now = std::chrono::steady_clock::now();
  if (now >= deadline) return false;
  // Not longer than this at once: what wait_until() waits for need not be something it prints.
  constexpr milliseconds kTurn{20};
  read_ready(std::min(std::chrono::ceil<milliseconds>(deadline - now), kTurn));
  return true;
}

bool Child::read_ready(std::chrono::milliseconds limit) {
  // poll() ignores descriptors of -1, which closed streams have. The child's end is of interest
  // only once the streams are closed: a grandchild may hold them.
  std::array<pollfd, 3> fds{{{out_fd_.get(), POLLIN, 0},
                             {err_fd_.get(), POLLIN, 0},
                             {status_ < 0 ? pidfd_.get() : -1, POLLIN, 0}}};
  if (poll(fds.data(), fds.size(), static_cast<int>(limit.count())) <= 0) return false;
  if (fds[0].revents != 0 && !read_into(out_fd_, out_)) out_fd_.reset();
  if (fds[1].revents != 0 && !read_into(err_fd_, err_)) err_fd_.reset();
  if (fds[2].revents != 0) reap();
  return fds[0].revents != 0 || fds[1].revents != 0;
}

void Child::gather() {
  while (read_ready(std::chrono::milliseconds{0})) {
  }
}

std::string Child::printed() const {
  constexpr std::size_t kTail = 4000;
  const auto tail = [](const std::string& text) {
    return text.size() <= kTail ? text : "... " + text.substr(text.size() - kTail);
  };
  return "\n--- standard output\n" + tail(out_) + "\n--- standard error\n" + tail(err_);
}

Status Child::wait_until(const std::string& what, const std::function<bool(const Child&)>& done,
                         std::chrono::milliseconds limit) {
  const Deadline deadline = std::chrono::steady_clock::now() + limit;
  while (!done(*this)) {
    const bool silent = !out_fd_.valid() && !err_fd_.valid();
    if (silent && reap()) {
      return fail(Errc::Target,
                  "ended with " + std::to_string(status_) + " before " + what + printed());
    }
    if (!read_some(deadline)) return fail(Errc::Target, "no " + what + " in time" + printed());
  }
  return {};
}

Result<int> Child::wait_exit(std::chrono::milliseconds limit) {
  const Deadline deadline = std::chrono::steady_clock::now() + limit;
  while (!reap() || out_fd_.valid() || err_fd_.valid()) {
    if (!read_some(deadline)) return fail(Errc::Target, "no end in time" + printed());
  }
  return status_;
}

Status Child::send(std::string_view text) {
  // A reader that is gone must be an error and not a signal that kills the test.
  struct sigaction ignore{};
  struct sigaction before{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &before);
  const ssize_t n = write(in_fd_.get(), text.data(), text.size());
  const int error = errno;
  sigaction(SIGPIPE, &before, nullptr);
  if (n != static_cast<ssize_t>(text.size())) {
    return fail(Errc::Target, errno_text("write to child", error));
  }
  return {};
}

Status Child::signal(int number) const {
  if (status_ >= 0) return fail(Errc::Target, "child has ended");
  if (kill(pid_, number) != 0) return fail(Errc::Target, errno_text("kill", errno));
  return {};
}

}  // namespace jtrace::test
