// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/attach/client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/unique_fd.h"
#include "jvmsym/attach/status.h"
#include "jvmsym/attach/trigger.h"

namespace jtrace::jvmsym::attach {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kDirectory = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr std::size_t kMaxStatus = 64U << 10;
constexpr std::size_t kMaxMaps = 16U << 20;
constexpr std::size_t kMaxCommandLine = 2U << 20;
constexpr const char* kNoAttachNeeded = "--jvm-symbols auto needs no attach";

std::string what_of(const Process& process) {
  return fmt::format("attach to process {}", process.pid);
}

std::unexpected<Error> failed(const Process& process, std::string_view why, std::string hint = {}) {
  return fail(Errc::Target, fmt::format("{}: {}", what_of(process), why), std::move(hint));
}

std::unexpected<Error> failed(const Process& process, Error error) {
  return failed(process, error.message, std::move(error.hint));
}

std::unexpected<Error> gone(const Process& process) { return failed(process, "it has ended"); }

bool is_gone(const Process& process) {
  pollfd ended{.fd = process.pidfd, .events = POLLIN, .revents = 0};
  return ::poll(&ended, 1, 0) > 0;
}

Result<std::string> read_entry(const Process& process, const char* name, std::size_t limit) {
  const UniqueFd file(::openat(process.directory, name, O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.valid()) return read_open_file(file.get(), name, limit);
  if (is_gone(process) || errno == ENOENT || errno == ESRCH) return gone(process);
  return failed(process, errno_text(std::string("read its ") + name, errno),
                "only root may, or its own user (doctor: memory)");
}

class Client {
 public:
  Client(const Process& process, const Limits& limits)
      : process_(process), deadline_(steady_clock::now() + limits.patience), limits_(limits) {}

  [[nodiscard]] Status open();
  [[nodiscard]] Status check_file(const std::string& name) const;
  [[nodiscard]] Result<Placement> place(const Library& library) const;
  // In the protocol that its JVM speaks.
  [[nodiscard]] Result<Answer> ask(const Operation& operation);

 private:
  [[nodiscard]] Result<Answer> exchange(const std::string& request);
  [[nodiscard]] Status become_its_user() const;
  [[nodiscard]] Status check_listens_to_signal() const;
  [[nodiscard]] Status wake();
  [[nodiscard]] Result<UniqueFd> connect() const;
  [[nodiscard]] Result<UniqueFd> open_connection();
  [[nodiscard]] Status send(int socket, std::string_view bytes) const;
  [[nodiscard]] Result<std::string> receive(int socket) const;
  [[nodiscard]] bool wait_for(int socket, short events) const;
  [[nodiscard]] std::unexpected<Error> late() const;
  [[nodiscard]] milliseconds left() const {
    return std::chrono::ceil<milliseconds>(deadline_ - steady_clock::now());
  }

  Process process_;
  steady_clock::time_point deadline_;
  Limits limits_;
  ProcessStatus status_;
  Runtime runtime_ = Runtime::None;
  bool disabled_ = false;
  std::string maps_;
  UniqueFd working_, root_, tmp_;
};

std::unexpected<Error> Client::late() const {
  if (is_gone(process_)) return gone(process_);
  return failed(process_,
                fmt::format("its JVM gave no answer within {:g} s",
                            std::chrono::duration<double>(limits_.patience).count()),
                "is it stopped, starved, or is attach switched off in it?");
}

// JDK 8 takes nobody else, not even root. All three ids, so that no right is left over.
Status Client::become_its_user() const {
  const auto refused = [this](const char* call) {
    return failed(process_,
                  errno_text(fmt::format("become its user {}: {}", status_.uid, call), errno),
                  "only root may, or its own user (doctor: memory)");
  };
  if (::geteuid() == status_.uid && ::getegid() == status_.gid && ::geteuid() != 0) return {};
  if (::setgroups(0, nullptr) != 0 && ::geteuid() != status_.uid) return refused("setgroups");
  if (::setresgid(status_.gid, status_.gid, status_.gid) != 0) return refused("setresgid");
  if (::setresuid(status_.uid, status_.uid, status_.uid) != 0) return refused("setresuid");
  return {};
}

Status Client::open() {
  JT_TRY(const std::string status, read_entry(process_, "status", kMaxStatus));
  const auto parsed = parse_status(status);
  if (!parsed)
    return is_gone(process_) ? gone(process_) : failed(process_, "status is not understood");
  status_ = *parsed;
  JT_TRY(maps_, read_entry(process_, "maps", kMaxMaps));
  runtime_ = runtime_of(maps_);
  if (runtime_ == Runtime::OpenJ9) return failed(process_, "OpenJ9 is not supported");
  if (runtime_ == Runtime::None) return failed(process_, "it is no JVM: it maps no libjvm.so");
  if (const auto line = read_entry(process_, "cmdline", kMaxCommandLine)) {
    disabled_ = says_disabled(*line);
  }
  working_.reset(::openat(process_.directory, "cwd", kDirectory));
  root_.reset(::openat(process_.directory, "root", kDirectory));
  if (!root_.valid()) {
    if (is_gone(process_) || errno == ENOENT) return gone(process_);
    return failed(process_, errno_text("open its root", errno),
                  "only root may, or its own user (doctor: memory)");
  }
  JT_CHECK_OK(become_its_user());
  // A link in there leads to where it does for the process.
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  tmp_.reset(static_cast<int>(::syscall(SYS_openat2, root_.get(), "tmp", &how, sizeof how)));
  if (!tmp_.valid()) {
    return failed(process_, errno_text("its /tmp", errno),
                  std::string("its JVM makes its socket there; ") + kNoAttachNeeded);
  }
  return {};
}

// Who listens must be the process itself: a file may be left over, or be put there by another.
Result<UniqueFd> Client::connect() const {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return failed(process_, errno_text("socket", errno));
  const std::string name = fmt::format(".java_pid{}", status_.inner_pid);
  const std::string path = fmt::format("/proc/self/fd/{}/{}", tmp_.get(), name);
  struct stat info = {};
  if (::fstatat(tmp_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISSOCK(info.st_mode)) {
    return failed(process_, "no socket yet");
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failed(process_, errno_text("connect to /tmp/" + name, errno));
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      peer.pid != process_.pid) {
    return failed(process_, fmt::format("another process listens at /tmp/{}", name));
  }
  return socket;
}

Status Client::check_listens_to_signal() const {
  if (disabled_) {
    return failed(process_, "switched off there by -XX:+DisableAttachMechanism", kNoAttachNeeded);
  }
  if (!status_.catches_quit) {
    return failed(process_,
                  "SIGQUIT would end it: its JVM is not past its start, or runs with -Xrs",
                  std::string("try again; ") + kNoAttachNeeded);
  }
  if (::faccessat(tmp_.get(), ".", W_OK, AT_EACCESS) != 0) {
    return failed(process_, errno_text("write to its /tmp", errno),
                  std::string("its JVM makes its socket there; ") + kNoAttachNeeded);
  }
  return {};
}

Status Client::wake() {
  JT_CHECK_OK(check_listens_to_signal());
  auto trigger = Trigger::put(working_.get(), tmp_.get(), status_.inner_pid, status_.uid);
  if (!trigger) return failed(process_, std::move(trigger).error());
  if (::syscall(SYS_pidfd_send_signal, process_.pidfd, SIGQUIT, nullptr, 0) != 0) {
    return errno == ESRCH ? gone(process_) : failed(process_, errno_text("signal it", errno));
  }
  // A JVM takes 10 to 30 ms for it.
  milliseconds pause{1};
  constexpr milliseconds kLongest{20};
  while (left().count() > 0) {
    if (connect()) return {};
    pollfd ended{.fd = process_.pidfd, .events = POLLIN, .revents = 0};
    const auto wait = std::min(pause, left());
    if (::poll(&ended, 1, static_cast<int>(std::max<milliseconds::rep>(wait.count(), 1))) > 0) {
      return gone(process_);
    }
    pause = std::min(2 * pause, kLongest);
  }
  return late();
}

// A JVM that opens a FIFO waits for its reader, with the lock of the code cache held.
Status Client::check_file(const std::string& name) const {
  struct stat info = {};
  if (name.empty() || ::fstatat(tmp_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return {};
  }
  if (S_ISREG(info.st_mode)) return {};
  return failed(process_, fmt::format("/tmp/{} is no regular file, which it would write", name),
                "remove it");
}

Result<UniqueFd> Client::open_connection() {
  auto socket = connect();
  if (socket) return socket;
  JT_CHECK_OK(wake());
  return connect();
}

bool Client::wait_for(int socket, short events) const {
  while (left().count() > 0) {
    pollfd ready{.fd = socket, .events = events, .revents = 0};
    const int count = ::poll(&ready, 1, static_cast<int>(left().count()));
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) return false;
  }
  return false;
}

Status Client::send(int socket, std::string_view bytes) const {
  while (!bytes.empty()) {
    if (!wait_for(socket, POLLOUT)) return late();
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent <= 0) return failed(process_, errno_text("send to its JVM", errno));
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<std::string> Client::receive(int socket) const {
  std::string bytes;
  std::array<char, 4096> piece{};
  while (true) {
    if (!wait_for(socket, POLLIN)) return late();
    const ssize_t got = ::recv(socket, piece.data(), piece.size(), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    // JDK 8 closes before it has read all of a request that it does not take.
    if (got < 0 && errno != ECONNRESET)
      return failed(process_, errno_text("read its answer", errno));
    if (got <= 0) break;
    bytes.append(piece.data(), static_cast<std::size_t>(got));
    if (bytes.size() > kMaxAnswer) return failed(process_, "its answer is longer than 64 KiB");
  }
  if (bytes.empty() && is_gone(process_)) return gone(process_);
  if (bytes.empty()) return failed(process_, "its JVM closed the connection without an answer");
  return bytes;
}

Result<Answer> Client::exchange(const std::string& request) {
  JT_TRY(const UniqueFd socket, open_connection());
  JT_CHECK_OK(send(socket.get(), request));
  JT_TRY(const std::string bytes, receive(socket.get()));
  auto answer = parse_answer(bytes);
  if (!answer) return failed(process_, std::move(answer).error());
  return answer;
}

Result<Answer> Client::ask(const Operation& operation) {
  JT_TRY(const Answer version, exchange(*encode(version_question(), Protocol::One)));
  const auto request = encode(operation, protocol_of(version));
  if (!request) {
    return failed(process_, "its JVM's protocol has no room for operation " + operation.name);
  }
  return exchange(*request);
}

Result<Placement> Client::place(const Library& library) const {
  auto placed = Placement::put(root_.get(), maps_, library);
  if (!placed) return failed(process_, std::move(placed).error());
  return placed;
}

}  // namespace

Result<Answer> ask(const Process& process, const Operation& operation, const Limits& limits) {
  Client client(process, limits);
  JT_CHECK_OK(client.open());
  JT_CHECK_OK(client.check_file(operation.writes));
  JT_TRY(Answer answer, client.ask(operation));
  if (answer.code != 0) return failed(process, "its JVM refuses: " + words_of(answer));
  return answer;
}

Status load(const Process& process, const Library& library, const std::string& options,
            const Limits& limits) {
  Client client(process, limits);
  JT_CHECK_OK(client.open());
  JT_TRY(const Placement placed, client.place(library));
  JT_TRY(const Answer answer, client.ask(load_request(placed.path(), options)));
  if (auto loaded = check_loaded(answer); !loaded) {
    return failed(process, std::move(loaded).error());
  }
  return {};
}

}  // namespace jtrace::jvmsym::attach
