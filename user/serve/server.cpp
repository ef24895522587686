// SPDX-License-Identifier: Apache-2.0
#include "serve/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <span>
#include <utility>
#include <vector>

#include "base/messages.h"
#include "serve/wire.h"

namespace jtrace::serve {
namespace {

// Of windows on their way to a server that does not take them: their memory counts as ours.
constexpr std::size_t kMostUnderWay = 64U << 20;
// Orders that it has not answered. Metrics come again every second, and so does what goes on.
constexpr std::size_t kMostOrders = 128;
constexpr std::size_t kMostOrdersBeforeOthers = 2;

// Not valid, with errno, where it could not.
UniqueFd try_to_listen(const Address& address) {
  constexpr int kBacklog = 64;
  UniqueFd socket(::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (socket.valid() &&
      (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) != 0 ||
       ::listen(socket.get(), kBacklog) != 0)) {
    const int error = errno;
    socket.reset();
    errno = error;
  }
  return socket;
}

std::unexpected<Error> cannot_listen(const char* option, const Address& address) {
  return fail(Errc::Internal,
              errno_text(fmt::format("{}: listen on {}", option, address.text), errno),
              "name another address or port; port 0 takes a free one");
}

Result<UniqueFd> listen_on(const char* option, Address& address) {
  UniqueFd socket = try_to_listen(address);
  if (!socket.valid()) return cannot_listen(option, address);
  address = bound_address(socket.get(), address);
  return socket;
}

void put(std::array<char, 256>& to, std::string_view text) {
  std::ranges::copy(text.substr(0, to.size() - 1), to.begin());
}

}  // namespace

Status check_reach(const Settings& settings) {
  const auto check = [&](const char* option, const std::optional<Address>& address) -> Status {
    if (!address || address->loopback || !settings.token.empty()) return {};
    return fail(Errc::Usage,
                fmt::format("{} {}: others reach this address, and no token is asked for", option,
                            address->text),
                "JTRACE_SERVE_TOKEN in the environment or --serve-token-file FILE, or 127.0.0.1");
  };
  JT_CHECK_OK(check("--metrics", settings.metrics));
  return check("--serve", settings.pages);
}

Result<Use> look_at_address(const char* option, const Address& address) {
  if (try_to_listen(address).valid()) return Use::Free;
  if (errno == EADDRINUSE) return Use::Taken;
  return cannot_listen(option, address);
}

Result<Server> Server::start(Settings settings, const std::function<Status()>& confine) {
  JT_CHECK_OK(check_reach(settings));
  std::vector<Listener> listeners;
  if (settings.pages) {
    JT_TRY(UniqueFd socket, listen_on("--serve", *settings.pages));
    listeners.push_back({std::move(socket), false});
  }
  if (settings.metrics && settings.metrics != settings.pages) {
    JT_TRY(UniqueFd socket, listen_on("--metrics", *settings.metrics));
    listeners.push_back({std::move(socket), true});
  }
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(Errc::Internal, errno_text("start the server: socketpair", errno));
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return fail(Errc::Internal, errno_text("start the server: pipe", errno));
  }
  UniqueFd watch(pipe[0]);
  UniqueFd tell(pipe[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Errc::Internal, errno_text("start the server: fork", errno));
  if (pid == 0) {
    ours.reset();
    watch.reset();
    run_server(std::move(theirs), std::move(tell), std::move(listeners), settings, confine);
  }
  theirs.reset();
  tell.reset();
  Server server(std::move(ours), std::move(watch), pid);
  if (settings.metrics) server.metrics_url_ = "http://" + settings.metrics->text + "/metrics";
  if (settings.pages) server.pages_url_ = "http://" + settings.pages->text + "/";
  JT_CHECK_OK(server.wait_until_ready());
  return server;
}

Status Server::wait_until_ready() {
  Answer first;
  ssize_t n = 0;
  do {
    n = ::recv(socket_.get(), &first, sizeof first, 0);
  } while (n < 0 && errno == EINTR);
  first.trouble.back() = 0;
  if (n != sizeof first) return fail(Errc::Internal, "start the server: it ended");
  if (first.trouble.front() != 0) return fail(Errc::Internal, first.trouble.data());
  return {};
}

Server::Server(Server&& other) noexcept
    : socket_(std::move(other.socket_)),
      watch_(std::move(other.watch_)),
      pid_(std::exchange(other.pid_, -1)),
      metrics_url_(std::move(other.metrics_url_)),
      pages_url_(std::move(other.pages_url_)),
      last_(other.last_),
      answered_(other.answered_),
      under_way_(std::move(other.under_way_)),
      bytes_under_way_(other.bytes_under_way_) {}

// It has nothing to finish.
Server::~Server() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool Server::hand_over(std::uint64_t kind, const Window& window, std::string_view bytes) {
  while (receive()) {
  }
  const std::size_t most = kind == Order::Finished ? kMostOrders : kMostOrdersBeforeOthers;
  if (last_.gone || under_way_.size() >= most || bytes_under_way_ + bytes.size() > kMostUnderWay) {
    return false;
  }
  Order order{.kind = kind, .start_ns = window.start_ns, .duration_ns = window.duration_ns};
  put(order.title, window.title);
  put(order.target, window.target);
  const UniqueFd memory = in_memory("jtrace-window", bytes);
  if (!memory.valid() ||
      !send_message(socket_.get(), std::as_bytes(std::span(&order, 1)), &memory)) {
    return false;
  }
  under_way_.push_back(bytes.size());
  bytes_under_way_ += bytes.size();
  return true;
}

bool Server::publish_metrics(std::string_view text) { return hand_over(Order::Metrics, {}, text); }

bool Server::publish_window(const Window& window, std::string_view json) {
  ++last_.published;
  const bool handed = hand_over(Order::Finished, window, json);
  if (!handed) ++last_.lost;
  return handed;
}

bool Server::publish_live(const Window& window, std::string_view json) {
  return hand_over(Order::Live, window, json);
}

// The server may be another's by now: what it writes is thrown away, as much as the pipe holds.
bool Server::watched() {
  std::array<char, 65536> bytes{};
  ssize_t n = 0;
  do {
    n = ::read(watch_.get(), bytes.data(), bytes.size());
  } while (n < 0 && errno == EINTR);
  if (n == 0) watch_.reset();  // it is gone
  return n > 0;
}

// False where there is nothing more for now.
bool Server::receive() {
  Answer answer;
  const Received got =
      receive_message(socket_.get(), std::as_writable_bytes(std::span(&answer, 1)));
  if (got.size != sizeof answer) {
    last_.gone = last_.gone || got.size >= 0 || errno != EAGAIN;
    return false;
  }
  for (; answered_ < answer.answered && !under_way_.empty(); ++answered_) {
    bytes_under_way_ -= under_way_.front();
    under_way_.pop_front();
  }
  last_.taken = answer.taken;
  last_.dropped = answer.dropped;
  last_.windows = answer.windows;
  last_.bytes = answer.bytes;
  return true;
}

Counters Server::counters() {
  while (receive()) {
  }
  Counters now = last_;
  now.under_way = now.published - now.taken - now.lost;
  if (now.gone) {
    now.lost += std::exchange(now.under_way, 0);
    now.windows = now.bytes = 0;
  }
  return now;
}

}  // namespace jtrace::serve
