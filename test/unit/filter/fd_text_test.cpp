// SPDX-License-Identifier: Apache-2.0
#include "filter/fd_text.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/socket.h>

#include <cstring>
#include <random>
#include <string_view>
#include <vector>

#include "bpf/fd_abi.h"

namespace jtrace::filter {
namespace {

template <class T>
std::string said(const T& value) {
  return fd_text(std::as_bytes(std::span(&value, 1)));
}

std::string named(jt_fd_head head, std::string_view names) {
  std::vector<std::byte> bytes(sizeof(head) + names.size());
  std::memcpy(bytes.data(), &head, sizeof(head));
  std::memcpy(bytes.data() + sizeof(head), names.data(), names.size());
  return fd_text(bytes);
}

jt_fd_head head(jt_fd_kind kind, unsigned flags = 0) {
  jt_fd_head made{};
  made.kind = static_cast<std::uint8_t>(kind);
  made.flags = static_cast<std::uint8_t>(flags);
  return made;
}

jt_fd_inet inet(int family, int protocol, const char* local, std::uint16_t local_port,
                const char* remote = nullptr, std::uint16_t remote_port = 0) {
  jt_fd_inet made{};
  made.head = head(JT_FD_INET);
  made.head.family = static_cast<std::uint16_t>(family);
  made.head.type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
  made.head.protocol = static_cast<std::uint16_t>(protocol);
  EXPECT_EQ(::inet_pton(family, local, made.local), 1);
  if (remote != nullptr) {
    EXPECT_EQ(::inet_pton(family, remote, made.remote), 1);
  }
  made.local_port = local_port;
  made.remote_port = remote_port;
  return made;
}

using std::string_view_literals::operator""sv;

TEST(FdText, paths) {
  EXPECT_EQ(named(head(JT_FD_PATH), "app.log\0log\0var\0"sv), "/var/log/app.log");
  EXPECT_EQ(named(head(JT_FD_PATH), ""), "/");
  EXPECT_EQ(named(head(JT_FD_PATH, JT_FD_DELETED), "x\0tmp\0"sv), "/tmp/x (deleted)");
  EXPECT_EQ(named(head(JT_FD_PATH, JT_FD_CUT), "c\0b\0"sv), ".../b/c");
}

TEST(FdText, pseudoFiles) {
  jt_fd_head pipe = head(JT_FD_PSEUDO);
  pipe.magic = PIPEFS_MAGIC;
  pipe.inode = 4711;
  EXPECT_EQ(said(pipe), "pipe:[4711]");
  jt_fd_head anonymous = head(JT_FD_PSEUDO);
  anonymous.magic = ANON_INODE_FS_MAGIC;
  EXPECT_EQ(named(anonymous, "[eventpoll]\0"sv), "anon_inode:[eventpoll]");
  jt_fd_head memory = head(JT_FD_PSEUDO);
  memory.magic = TMPFS_MAGIC;
  EXPECT_EQ(named(memory, "memfd:x\0"sv), "/memfd:x (deleted)");
}

TEST(FdText, internetSockets) {
  EXPECT_EQ(said(inet(AF_INET, IPPROTO_TCP, "10.0.0.1", 5000, "10.0.0.2", 443)),
            "tcp 10.0.0.1:5000->10.0.0.2:443");
  EXPECT_EQ(said(inet(AF_INET6, IPPROTO_TCP, "::1", 5000, "fe80::1", 443)),
            "tcp [::1]:5000->[fe80::1]:443");
  EXPECT_EQ(said(inet(AF_INET6, IPPROTO_TCP, "::ffff:10.0.0.1", 5000, "::ffff:10.0.0.2", 443)),
            "tcp 10.0.0.1:5000->10.0.0.2:443");
  EXPECT_EQ(said(inet(AF_INET, IPPROTO_UDP, "0.0.0.0", 53)), "udp 0.0.0.0:53");
  jt_fd_inet client = inet(AF_INET, IPPROTO_TCP, "10.0.0.1", 0, "10.0.0.2", 443);
  client.head.flags = JT_FD_ANY_PORT;
  EXPECT_EQ(said(client), "tcp 10.0.0.1:*->10.0.0.2:443");
  jt_fd_inet listening = inet(AF_INET6, IPPROTO_TCP, "::", 80);
  listening.head.flags = JT_FD_LISTENING;
  EXPECT_EQ(said(listening), "tcp [::]:80 (listening)");
}

TEST(FdText, otherSockets) {
  jt_fd_unix local{};
  local.head = head(JT_FD_UNIX);
  local.head.type = SOCK_STREAM;
  EXPECT_EQ(said(local), "unix");
  std::memcpy(local.local, "/run/x.sock", 12);
  local.local_bytes = 12;
  EXPECT_EQ(said(local), "unix /run/x.sock");
  std::memcpy(local.remote, "\0name", 5);
  local.remote_bytes = 5;
  EXPECT_EQ(said(local), "unix /run/x.sock->@name");
  local.remote_bytes = 65535;
  EXPECT_EQ(said(local).size(), 18U + JT_UNIX_NAME_BYTES);
  jt_fd_head netlink = head(JT_FD_SOCKET);
  netlink.family = AF_NETLINK;
  netlink.type = SOCK_RAW;
  EXPECT_EQ(said(netlink), "AF_NETLINK SOCK_RAW");
  netlink.family = 250;
  EXPECT_EQ(said(netlink), "AF_250 SOCK_RAW");
}

TEST(FdText, whatIsTooShortOrUnknownIsNothing) {
  EXPECT_EQ(fd_text({}), "");
  jt_fd_head unknown{};
  EXPECT_EQ(said(unknown), "");
  unknown.kind = 77;
  EXPECT_EQ(said(unknown), "");
  EXPECT_EQ(said(head(JT_FD_INET)), "");
  EXPECT_EQ(said(head(JT_FD_UNIX)), "");
}

TEST(FdText, survivesAnything) {
  std::mt19937 random(5);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes(random() % 1025);
    for (std::byte& one : bytes) one = static_cast<std::byte>(random() % 7);
    ASSERT_LE(fd_text(bytes).size(), 2048U);
  }
}

}  // namespace
}  // namespace jtrace::filter
