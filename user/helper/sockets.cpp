// SPDX-License-Identifier: Apache-2.0
#include "helper/sockets.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace jtrace::helper {
namespace {

constexpr std::size_t kMaxFds = 4;

struct Control {
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kMaxFds)> bytes{};
};

// -1: error, 0: closed.
ssize_t receive(int socket, std::span<std::byte> into, std::vector<UniqueFd>* fds) {
  Control control;
  iovec part{into.data(), into.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fds != nullptr) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
  }
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (fds == nullptr || got <= 0) return got;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t i = 0; i < (at->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
      fds->emplace_back(fd);
    }
  }
  return got;
}

bool receive_all(int socket, std::span<std::byte> into, std::vector<UniqueFd>& fds) {
  while (!into.empty()) {
    const ssize_t got = receive(socket, into, &fds);
    if (got <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

ssize_t send_some(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  Control control;
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(head), fds.data(), fds.size_bytes());
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL);
}

bool send_all(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  while (!bytes.empty()) {
    const ssize_t sent = send_some(socket, bytes, fds);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
    fds = {};
  }
  return true;
}

}  // namespace

SocketPair make_sockets() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
  return {.ours = UniqueFd(ends[0]), .theirs = UniqueFd(ends[1])};
}

bool send_message(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  if (fds.size() > kMaxFds || bytes.size() > UINT32_MAX) return false;
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return send_all(socket, std::as_bytes(std::span(&size, 1)), fds) && send_all(socket, bytes, {});
}

bool send_bytes(int socket, std::span<const std::byte> bytes) {
  return send_all(socket, bytes, {});
}

std::optional<Message> receive_message(int socket, std::size_t limit) {
  Message message;
  std::uint32_t size = 0;
  if (!receive_all(socket, std::as_writable_bytes(std::span(&size, 1)), message.fds) ||
      size > limit) {
    return std::nullopt;
  }
  message.bytes.resize(size);
  if (!receive_all(socket, std::as_writable_bytes(std::span(message.bytes)), message.fds)) {
    return std::nullopt;
  }
  return message;
}

Received receive_exactly(int socket, std::span<std::byte> into, Deadline deadline) {
  using std::chrono::ceil;
  using std::chrono::milliseconds;
  while (!into.empty()) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left.count() <= 0) return Received::Late;
    pollfd ready{.fd = socket, .events = POLLIN, .revents = 0};
    const int count = ::poll(&ready, 1, static_cast<int>(ceil<milliseconds>(left).count()));
    if (count == 0) return Received::Late;
    if (count < 0) {
      if (errno == EINTR) continue;
      return Received::Closed;
    }
    const ssize_t got = receive(socket, into, nullptr);
    if (got <= 0) return Received::Closed;
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return Received::All;
}

}  // namespace jtrace::helper
