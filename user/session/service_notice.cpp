// SPDX-License-Identifier: Apache-2.0
#include "session/service_notice.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

#include "base/printable.h"

namespace jtrace::session {
namespace {

constexpr const char* kSocket = "NOTIFY_SOCKET";
constexpr const char* kWatchdog = "WATCHDOG_USEC";
constexpr const char* kWatched = "WATCHDOG_PID";

// One line, which a target's words may be part of.
constexpr std::size_t kLongest = 512;
// A manager that reads nothing for long needs the last states only.
constexpr std::size_t kMostWaiting = 8;

// Of a variable that is a number above 0; 0: it is not.
std::int64_t number(const char* name) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  if (text == nullptr) return 0;
  std::int64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  return error == std::errc{} && stop == end && value > 0 ? value : 0;
}

// sd_notify(3): "/path", or "@name" for one that lies in no file system. Others need another
// family.
std::optional<sockaddr_un> parse(std::string_view address, socklen_t& size) {
  sockaddr_un socket{};
  socket.sun_family = AF_UNIX;
  const bool named = address.starts_with('/') || address.starts_with('@');
  if (!named || address.size() < 2 || address.size() >= sizeof(socket.sun_path)) return {};
  std::ranges::copy(address, socket.sun_path);
  size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  if (address.starts_with('@')) {
    socket.sun_path[0] = 0;
  } else {
    ++size;  // the 0 at the end
  }
  return socket;
}

std::string status_line(std::string_view text) {
  return "STATUS=" + printable(text.substr(0, kLongest));
}

}  // namespace

void ServiceNotice::read_environment() {
  const char* address = std::getenv(kSocket);  // NOLINT(concurrency-mt-unsafe): one thread
  if (address != nullptr) address_ = address;
  const std::int64_t watched = number(kWatched);
  if (watched == 0 || watched == ::getpid()) {
    // Half of it, as the manual asks: one that comes late is no reason to be ended.
    every_ = std::chrono::microseconds(number(kWatchdog)) / 2;
  }
  for (const char* name : {kSocket, kWatchdog, kWatched}) ::unsetenv(name);
}

Status ServiceNotice::open() {
  if (address_.empty()) return {};
  const std::string what = std::string(kSocket) + " " + printable(address_);
  socklen_t size = 0;
  const auto address = parse(address_, size);
  if (!address) {
    return fail(Errc::Internal, what + ": neither a path nor @NAME: nobody is told of the trace");
  }
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid() ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), size) != 0) {
    return fail(Errc::Internal, errno_text(what + ": nobody is told of the trace", errno));
  }
  socket_ = std::move(socket);
  return {};
}

void ServiceNotice::send(std::string message) {
  if (!socket_.valid()) return;
  send_waiting();
  waiting_.push_back(std::move(message));
  send_waiting();
  // The first one stays, which may say READY=1: without it the manager gives up on us.
  if (waiting_.size() > kMostWaiting) waiting_.erase(waiting_.begin() + 1);
}

void ServiceNotice::send_waiting() {
  while (!waiting_.empty()) {
    const std::string& message = waiting_.front();
    const ssize_t sent = ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)) return;
    if (sent < 0) {  // who listened is gone, and with it the need
      socket_.reset();
      waiting_.clear();
      return;
    }
    waiting_.pop_front();
  }
}

void ServiceNotice::ready(std::string_view status) { send("READY=1\n" + status_line(status)); }

void ServiceNotice::status(std::string_view text) { send(status_line(text)); }

void ServiceNotice::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  constexpr std::int64_t kMicro = 1'000'000;
  constexpr std::int64_t kNano = 1'000;
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * kMicro + now.tv_nsec / kNano));
}

void ServiceNotice::stopping(std::string_view status) {
  send("STOPPING=1\n" + status_line(status));
}

void ServiceNotice::turn(Clock::time_point now) {
  if (!socket_.valid()) return;
  if (!waiting_.empty()) send_waiting();
  if (every_ == every_.zero() || now < next_) return;
  next_ = now + every_;
  // Behind what waits it would come late, and that says as much.
  if (waiting_.empty()) send("WATCHDOG=1");
}

}  // namespace jtrace::session
