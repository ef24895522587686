// SPDX-License-Identifier: Apache-2.0
#include "session/command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/rights.h"

namespace jtrace::session {
namespace {

constexpr int kSignalled = 128;

std::unexpected<Error> not_run(const std::string& word, int error) {
  return fail(error == ENOENT ? Errc::NotFound : Errc::NotExecutable,
              errno_text("run " + word, error));
}

// As execvp finds it: an early answer, before anything is loaded; exec itself has the last word.
Result<std::string> find_program(const std::string& word) {
  const auto runs = [](const std::string& path) {
    struct stat file{};
    return ::access(path.c_str(), X_OK) == 0 && ::stat(path.c_str(), &file) == 0 &&
           S_ISREG(file.st_mode);
  };
  if (word.find('/') != std::string::npos) {
    if (runs(word)) return word;
    return not_run(word, ::access(word.c_str(), X_OK) == 0 ? EACCES : errno);
  }
  const char* variable = std::getenv("PATH");
  std::string_view path = variable == nullptr ? "/usr/local/bin:/usr/bin:/bin" : variable;
  while (true) {
    const std::string_view directory = path.substr(0, path.find(':'));
    const std::string candidate =
        (directory.empty() ? std::string(".") : std::string(directory)) + "/" + word;
    if (runs(candidate)) return candidate;
    if (directory.size() == path.size()) break;
    path.remove_prefix(directory.size() + 1);
  }
  return fail(Errc::NotFound, "run " + word + ": no such program in PATH",
              "give its path, as in ./" + word);
}

[[noreturn]] void be_command(int hold, int report, const std::vector<std::string>& words) {
  // What jtrace ignores for itself (a closed pipe) is not the command's.
  ::signal(SIGPIPE, SIG_DFL);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  char byte = 0;
  ssize_t n = -1;
  while ((n = ::read(hold, &byte, 1)) < 0 && errno == EINTR) {
  }
  // jtrace has failed, or was interrupted.
  if (n != 1) ::_exit(0);
  ::execvp(argv.front(), argv.data());
  const int error = errno;
  (void)!::write(report, &error, sizeof(error));
  ::_exit(static_cast<int>(error == ENOENT ? Errc::NotFound : Errc::NotExecutable));
}

}  // namespace

Result<Command> Command::start(const std::vector<std::string>& words) {
  JT_TRY(const std::string program, find_program(words.front()));
  std::array<int, 2> hold{};
  std::array<int, 2> report{};
  if (::pipe2(hold.data(), O_CLOEXEC) != 0) {
    return fail(Errc::Internal, errno_text("run " + words.front() + ": pipe", errno));
  }
  UniqueFd hold_read(hold[0]);
  UniqueFd hold_write(hold[1]);
  if (::pipe2(report.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return fail(Errc::Internal, errno_text("run " + words.front() + ": pipe", errno));
  }
  UniqueFd report_read(report[0]);
  UniqueFd report_write(report[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Errc::Internal, errno_text("run " + words.front() + ": fork", errno));
  if (pid == 0) {
    hold_write.reset();
    report_read.reset();
    // Those that we were lent end with the exec, which happens as the caller.
    be_command(hold_read.get(), report_write.get(), words);
  }
  return Command(pid, std::filesystem::path(program).filename().string(), std::move(hold_write),
                 std::move(report_read));
}

Command::Command(Command&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      name_(std::move(other.name_)),
      hold_(std::move(other.hold_)),
      report_(std::move(other.report_)),
      status_(other.status_),
      failure_(other.failure_) {}

Command::~Command() {
  if (pid_ < 0 || !hold_.valid()) return;
  hold_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Command::release() {
  const char byte = 0;
  (void)!::write(hold_.get(), &byte, 1);
  hold_.reset();
}

bool Command::ended() {
  if (status_) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  status_ = WIFSIGNALED(status) ? kSignalled + WTERMSIG(status) : WEXITSTATUS(status);
  int error = 0;
  if (::read(report_.get(), &error, sizeof(error)) == sizeof(error)) failure_ = error;
  return true;
}

Result<int> Command::status() const {
  if (failure_ != 0) return not_run(name_, failure_);
  return status_.value_or(0);
}

}  // namespace jtrace::session
