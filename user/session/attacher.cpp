// SPDX-License-Identifier: Apache-2.0
#include "session/attacher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "helper/sockets.h"
#include "session/confine.h"

namespace jtrace::session {
namespace {

using jvmsym::attach::Answer;
using jvmsym::attach::Limits;
using jvmsym::attach::Operation;
using std::chrono::milliseconds;

// 256 KiB of an operation; 64 KiB of an answer, or a line.
constexpr std::size_t kMostRequest = 300U << 10;
constexpr std::uint32_t kMostReply = 80U << 10;
// Beyond the patience of who asks: a file system that holds its child for ever.
constexpr milliseconds kGrace{1000};
constexpr std::string_view kAsk = "ask", kLoad = "load";
constexpr std::string_view kAnswered = "answer", kFailed = "error";

std::string join(const std::vector<std::string>& words) {
  std::string bytes;
  for (const std::string& word : words) {
    bytes += word;
    bytes += '\0';
  }
  return bytes;
}

std::vector<std::string> words_of(std::string_view bytes) {
  std::vector<std::string> words;
  while (!bytes.empty()) {
    const auto end = std::min(bytes.find('\0'), bytes.size());
    words.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return words;
}

int number(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool send_words(int socket, const std::vector<std::string>& words, std::span<const int> fds = {}) {
  const std::string bytes = join(words);
  return helper::send_message(socket, std::as_bytes(std::span(bytes)), fds);
}

// No NUL of the JVM's may end a word.
std::string without_nul(std::string text) {
  std::ranges::replace(text, '\0', '?');
  return text;
}

// PID PATIENCE ask NAME WRITES ARGUMENT..., or PID PATIENCE load PATH OPTIONS.
Result<Answer> carry_out(const std::vector<std::string>& words, const helper::Message& message,
                         const Limits& limits) {
  const jvmsym::attach::Process process{
      .directory = message.fds[0].get(), .pidfd = message.fds[1].get(), .pid = number(words[0])};
  constexpr std::size_t kFirst = 3;
  if (words[2] == kLoad && message.fds.size() == 3) {
    JT_CHECK_OK(jvmsym::attach::load(process, {.fd = message.fds[2].get(), .path = words[kFirst]},
                                     words[kFirst + 1], limits));
    return Answer{};
  }
  Operation operation{.name = words[kFirst], .writes = words[kFirst + 1]};
  operation.arguments.assign(words.begin() + kFirst + 2, words.end());
  return jvmsym::attach::ask(process, operation, limits);
}

// In a child: becomes the target's user, answers, ends. By the alarm where it is held up.
[[noreturn]] void serve_one(int socket, const helper::Message& message) {
  const auto words = words_of(message.bytes);
  constexpr std::size_t kLeast = 5;
  if (words.size() < kLeast || message.fds.size() < 2) ::_exit(1);
  const Limits limits{.patience = milliseconds(number(words[1]))};
  using std::chrono::ceil;
  ::alarm(static_cast<unsigned>(ceil<std::chrono::seconds>(limits.patience + kGrace).count()));
  const auto answer = carry_out(words, message, limits);
  if (answer) {
    (void)send_words(
        socket, {std::string(kAnswered), std::to_string(answer->code), without_nul(answer->text)});
  } else {
    const Error& error = answer.error();
    (void)send_words(socket,
                     {std::string(kFailed), without_nul(error.message), without_nul(error.hint)});
  }
  ::_exit(0);
}

[[noreturn]] void be_attacher(int socket) {
  // Ctrl-C and a closed terminal are for jtrace; a request that is under way ends by itself and
  // takes its trigger away.
  ::setsid();
  (void)::prctl(PR_SET_NAME, "jtrace-attach");
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGALRM}) {
    ::signal(signal, SIG_DFL);
  }
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {0, 1, 2}) ::dup2(null, fd);
  (void)::syscall(SYS_close_range, 3, socket - 1, 0);
  (void)::syscall(SYS_close_range, socket + 1, ~0U, 0);
  const auto confined = confine_attaching();
  while (const auto message = helper::receive_message(socket, kMostRequest)) {
    if (!confined) {
      (void)send_words(socket, {std::string(kFailed), confined.error().message, ""});
      continue;
    }
    const pid_t child = ::fork();
    if (child == 0) serve_one(socket, *message);
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      (void)send_words(socket, {std::string(kFailed), "attach: the process that asks died", ""});
    }
  }
  ::_exit(0);
}

Result<std::string> receive(int socket, helper::Deadline deadline) {
  const auto lost = [] { return fail(Errc::Internal, "attach: the process that asks is gone"); };
  std::uint32_t size = 0;
  const auto bytes_of = [](auto& value) { return std::as_writable_bytes(std::span(&value, 1)); };
  if (helper::receive_exactly(socket, bytes_of(size), deadline) != helper::Received::All ||
      size > kMostReply) {
    return lost();
  }
  std::string bytes(size, '\0');
  if (helper::receive_exactly(socket, std::as_writable_bytes(std::span(bytes)), deadline) !=
      helper::Received::All) {
    return lost();
  }
  return bytes;
}

}  // namespace

Result<Attacher> Attacher::start() {
  helper::SocketPair sockets = helper::make_sockets();
  if (!sockets.ours.valid()) {
    return fail(Errc::Internal, errno_text("start the process that attaches: socketpair", errno));
  }
  const pid_t pid = ::fork();
  if (pid < 0) {
    return fail(Errc::Internal, errno_text("start the process that attaches: fork", errno));
  }
  if (pid == 0) {
    sockets.ours.reset();
    be_attacher(sockets.theirs.get());
  }
  return Attacher(std::move(sockets.ours), pid);
}

Attacher::Attacher(Attacher&& other) noexcept
    : socket_(std::move(other.socket_)), pid_(std::exchange(other.pid_, -1)) {}

Attacher& Attacher::operator=(Attacher&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(pid_, other.pid_);
  return *this;
}

Attacher::~Attacher() {
  if (pid_ < 0) return;
  socket_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<Answer> Attacher::ask(pid_t pid, int pidfd, const Operation& operation,
                             const Limits& limits) {
  Request request{
      .pid = pid, .pidfd = pidfd, .words = {std::string(kAsk), operation.name, operation.writes}};
  request.words.insert(request.words.end(), operation.arguments.begin(), operation.arguments.end());
  return send(request, limits);
}

Status Attacher::load(pid_t pid, int pidfd, const jvmsym::attach::Library& library,
                      const std::string& options, const Limits& limits) {
  JT_TRY(const Answer loaded, send({.pid = pid,
                                    .pidfd = pidfd,
                                    .words = {std::string(kLoad), library.path, options},
                                    .library = library.fd},
                                   limits));
  (void)loaded;
  return {};
}

Result<Answer> Attacher::send(const Request& request, const Limits& limits) {
  const std::string what = fmt::format("attach to process {}", request.pid);
  if (!socket_.valid()) {
    return fail(Errc::Internal, what + ": the process that asks is gone");
  }
  const std::string path = fmt::format("/proc/{}", request.pid);
  const UniqueFd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  // Alive after its directory was opened: it is that process's.
  pollfd ended{.fd = request.pidfd, .events = POLLIN, .revents = 0};
  if (!directory.valid() || ::poll(&ended, 1, 0) != 0) {
    return fail(Errc::Target, what + ": it has ended");
  }
  std::vector<std::string> words{std::to_string(request.pid),
                                 std::to_string(limits.patience.count())};
  words.insert(words.end(), request.words.begin(), request.words.end());
  std::vector fds{directory.get(), request.pidfd};
  if (request.library >= 0) fds.push_back(request.library);
  auto bytes =
      send_words(socket_.get(), words, fds)
          ? receive(socket_.get(), std::chrono::steady_clock::now() + limits.patience + 3 * kGrace)
          : fail(Errc::Internal, "attach: the process that asks is gone");
  if (!bytes) {
    // An answer that comes later would be taken for that of the next question.
    socket_.reset();
    return std::unexpected(std::move(bytes).error());
  }
  const auto reply = words_of(*bytes);
  if (reply.size() >= 2 && reply[0] == kAnswered) {
    return Answer{.code = number(reply[1]), .text = reply.size() > 2 ? reply[2] : ""};
  }
  if (reply.size() >= 2 && reply[0] == kFailed) {
    return fail(Errc::Target, reply[1], reply.size() > 2 ? reply[2] : "");
  }
  return fail(Errc::Internal, what + ": the process that asks talks nonsense");
}

}  // namespace jtrace::session
