// SPDX-License-Identifier: Apache-2.0
// What the C library's headers alone name; their values are the kernel's.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <ctime>

#include "filter/constants.h"

namespace jtrace::filter {
namespace {

#define X(name) {#name, static_cast<std::int64_t>(name)},
// clang-format off
constexpr auto kConstants = std::to_array<Constant>({
  // sockets
  X(AF_UNSPEC) X(AF_UNIX) X(AF_LOCAL) X(AF_INET) X(AF_INET6) X(AF_NETLINK) X(AF_PACKET)
  X(AF_VSOCK) X(AF_ALG) X(AF_XDP) X(SOCK_STREAM) X(SOCK_DGRAM) X(SOCK_RAW) X(SOCK_SEQPACKET)
  X(SOCK_CLOEXEC) X(SOCK_NONBLOCK) X(IPPROTO_IP) X(IPPROTO_ICMP) X(IPPROTO_TCP) X(IPPROTO_UDP)
  X(IPPROTO_IPV6) X(IPPROTO_RAW) X(SOL_SOCKET) X(SOL_TCP) X(SO_REUSEADDR) X(SO_KEEPALIVE)
  X(SO_LINGER) X(SO_RCVBUF) X(SO_SNDBUF) X(SO_REUSEPORT) X(SO_ERROR) X(SO_TYPE) X(TCP_NODELAY)
  X(TCP_CORK) X(TCP_KEEPIDLE) X(TCP_KEEPINTVL) X(TCP_KEEPCNT) X(TCP_USER_TIMEOUT) X(MSG_OOB)
  X(MSG_PEEK) X(MSG_DONTROUTE) X(MSG_TRUNC) X(MSG_DONTWAIT) X(MSG_EOR) X(MSG_WAITALL)
  X(MSG_NOSIGNAL) X(MSG_MORE) X(MSG_WAITFORONE) X(MSG_CMSG_CLOEXEC) X(MSG_ERRQUEUE) X(SHUT_RD)
  X(SHUT_WR) X(SHUT_RDWR)
  // poll, epoll, faccessat
  X(POLLIN) X(POLLPRI) X(POLLOUT) X(POLLERR) X(POLLHUP) X(POLLNVAL) X(EPOLLIN) X(EPOLLOUT)
  X(EPOLLRDHUP) X(EPOLLET) X(EPOLLONESHOT) X(EPOLLEXCLUSIVE) X(R_OK) X(W_OK) X(X_OK) X(F_OK)
  // signals
  X(SIGHUP) X(SIGINT) X(SIGQUIT) X(SIGILL) X(SIGTRAP) X(SIGABRT) X(SIGIOT) X(SIGBUS) X(SIGFPE)
  X(SIGKILL) X(SIGUSR1) X(SIGSEGV) X(SIGUSR2) X(SIGPIPE) X(SIGALRM) X(SIGTERM) X(SIGSTKFLT)
  X(SIGCHLD) X(SIGCONT) X(SIGSTOP) X(SIGTSTP) X(SIGTTIN) X(SIGTTOU) X(SIGURG) X(SIGXCPU)
  X(SIGXFSZ) X(SIGVTALRM) X(SIGPROF) X(SIGWINCH) X(SIGIO) X(SIGPOLL) X(SIGPWR) X(SIGSYS)
 
  // wait4, waitid
  X(WNOHANG) X(WUNTRACED) X(WSTOPPED) X(WEXITED) X(WCONTINUED) X(WNOWAIT)
  // clocks
  X(CLOCK_REALTIME) X(CLOCK_MONOTONIC) X(CLOCK_PROCESS_CPUTIME_ID) X(CLOCK_THREAD_CPUTIME_ID)
  X(CLOCK_MONOTONIC_RAW) X(CLOCK_REALTIME_COARSE) X(CLOCK_MONOTONIC_COARSE) X(CLOCK_BOOTTIME)
  X(TIMER_ABSTIME)
});
// clang-format on
#undef X

}  // namespace

std::span<const Constant> libc_constants() { return kConstants; }

}  // namespace jtrace::filter
