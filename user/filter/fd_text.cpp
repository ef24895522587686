// SPDX-License-Identifier: Apache-2.0
#include "filter/fd_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "bpf/fd_abi.h"
#include "filter/constants.h"

namespace jtrace::filter {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t kPidFs = 0x50494446;  // PID_FS_MAGIC, since 6.9
constexpr std::size_t kMostComponents = JT_PATH_COMPONENTS;

template <class T>
bool read(Bytes bytes, T& into) {
  if (bytes.size() < sizeof(T)) return false;
  std::memcpy(&into, bytes.data(), sizeof(T));
  return true;
}

// Up to the 0 that ends it, which goes too.
std::string_view take_name(Bytes& bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const std::size_t size = ::strnlen(text, bytes.size());
  bytes = bytes.subspan(std::min(size + 1, bytes.size()));
  return {text, size};
}

std::string path_text(const jt_fd_head& head, Bytes names) {
  std::string path;
  for (std::size_t i = 0; i < kMostComponents && !names.empty(); ++i) {
    path.insert(0, take_name(names));
    path.insert(0, 1, '/');
  }
  if (path.empty()) path = '/';
  if ((head.flags & JT_FD_CUT) != 0) path.insert(0, "...");
  if ((head.flags & JT_FD_DELETED) != 0) path += " (deleted)";
  return path;
}

std::string pseudo_text(const jt_fd_head& head, Bytes name) {
  switch (head.magic) {
    case PIPEFS_MAGIC:
      return fmt::format("pipe:[{}]", head.inode);
    case NSFS_MAGIC:
      return fmt::format("ns:[{}]", head.inode);
    case ANON_INODE_FS_MAGIC:
      return "anon_inode:" + std::string(take_name(name));
    case kPidFs:
      return "anon_inode:[pidfd]";
    default:
      // What is mapped without a file (memfd, SYSV shared memory): as the kernel's simple_dname().
      return "/" + std::string(take_name(name)) + " (deleted)";
  }
}

std::string constant_of(std::string_view prefix, std::uint16_t value) {
  for (const Constant& one : libc_constants()) {
    if (one.name.starts_with(prefix) && one.value == value) return std::string(one.name);
  }
  return fmt::format("{}{}", prefix, value);
}

std::string address_text(bool v4, const std::uint8_t (&address)[16], const std::string& port) {
  in6_addr v6{};
  std::memcpy(&v6, address, sizeof(v6));
  char text[INET6_ADDRSTRLEN] = "?";
  // A JVM's sockets are IPv6 even where they speak IPv4.
  const bool mapped = !v4 && IN6_IS_ADDR_V4MAPPED(&v6);
  if (v4 || mapped) {
    ::inet_ntop(AF_INET, &address[mapped ? 12 : 0], text, sizeof(text));
    return fmt::format("{}:{}", &text[0], port);
  }
  ::inet_ntop(AF_INET6, &v6, text, sizeof(text));
  return fmt::format("[{}]:{}", &text[0], port);
}

std::string protocol_text(const jt_fd_head& head) {
  switch (head.protocol) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_MPTCP:
      return "mptcp";
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return "icmp";
    default:
      return fmt::format("{} {}", constant_of("AF_", head.family), constant_of("SOCK_", head.type));
  }
}

std::string inet_text(const jt_fd_inet& socket) {
  const bool v4 = socket.head.family == AF_INET;
  const bool listening = (socket.head.flags & JT_FD_LISTENING) != 0;
  const bool connected = socket.remote_port != 0 ||
                         std::ranges::any_of(socket.remote, [](std::uint8_t b) { return b != 0; });
  const bool any = (socket.head.flags & JT_FD_ANY_PORT) != 0;
  const auto port_text = [any](std::uint16_t port) {
    return port == 0 && any ? "*" : std::to_string(port);
  };
  std::string text = protocol_text(socket.head) + " " +
                     address_text(v4, socket.local, port_text(socket.local_port));
  if (connected) text += "->" + address_text(v4, socket.remote, port_text(socket.remote_port));
  if (listening) text += " (listening)";
  return text;
}

// bind() takes a path with its 0 or without; a first byte of 0 says that it is no path.
std::string unix_name(const char (&name)[JT_UNIX_NAME_BYTES], std::uint16_t bytes) {
  std::string text(&name[0], std::min<std::size_t>(bytes, sizeof(name)));
  if (!text.starts_with('\0')) return text.substr(0, text.find('\0'));
  std::ranges::replace(text, '\0', '@');
  return text;
}

std::string unix_text(const jt_fd_unix& socket) {
  std::string text = "unix";
  if (socket.head.type == SOCK_DGRAM) text += "-dgram";
  if (socket.head.type == SOCK_SEQPACKET) text += "-seqpacket";
  const std::string local = unix_name(socket.local, socket.local_bytes);
  const std::string remote = unix_name(socket.remote, socket.remote_bytes);
  if (!local.empty() || !remote.empty()) text += " ";
  text += local;
  if (!remote.empty()) text += "->" + remote;
  if ((socket.head.flags & JT_FD_LISTENING) != 0) text += " (listening)";
  return text;
}

}  // namespace

std::string fd_text(std::span<const std::byte> bytes) {
  jt_fd_head head{};
  if (!read(bytes, head)) return {};
  const Bytes names = bytes.subspan(sizeof(head));
  jt_fd_inet inet{};
  jt_fd_unix local{};
  switch (head.kind) {
    case JT_FD_PATH:
      return path_text(head, names);
    case JT_FD_PSEUDO:
      return pseudo_text(head, names);
    case JT_FD_INET:
      return read(bytes, inet) ? inet_text(inet) : std::string();
    case JT_FD_UNIX:
      return read(bytes, local) ? unix_text(local) : std::string();
    case JT_FD_SOCKET:
      return constant_of("AF_", head.family) + " " + constant_of("SOCK_", head.type);
    default:
      return {};
  }
}

}  // namespace jtrace::filter
