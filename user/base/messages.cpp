// SPDX-License-Identifier: Apache-2.0
#include "base/messages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/file.h"

namespace jtrace {

UniqueFd in_memory(const char* name, std::string_view bytes) {
  UniqueFd memory(::memfd_create(name, MFD_CLOEXEC));
  while (memory.valid() && !bytes.empty()) {
    const ssize_t n = ::write(memory.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return {};
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return memory;
}

Result<std::string> read_memory(const UniqueFd& memory, const std::string& name,
                                std::size_t limit) {
  // Where it was written to is where it would be read from.
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) return fail(Errc::Internal, name + ": not there");
  return read_open_file(memory.get(), name, limit);
}

bool send_message(int socket, std::span<const std::byte> message, const UniqueFd* memory) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  std::vector<std::byte> copy(message.begin(), message.end());
  iovec part{copy.data(), copy.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (memory != nullptr) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* head = CMSG_FIRSTHDR(&header);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = memory->get();
    std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
  }
  return ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

Received receive_message(int socket, std::span<std::byte> message) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{message.data(), message.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  Received got;
  do {
    got.size = ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got.size < 0 && errno == EINTR);
  if (got.size < 0) return got;
  if (const cmsghdr* head = CMSG_FIRSTHDR(&header); head != nullptr) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(head), sizeof fd);
    got.memory = UniqueFd(fd);
  }
  return got;
}

void keep_open(std::span<const int> descriptors) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  std::vector<int> kept(descriptors.begin(), descriptors.end());
  std::ranges::sort(kept);
  constexpr unsigned kLast = ~0U;
  unsigned next = STDERR_FILENO + 1;
  for (const int one : kept) {
    const auto fd = static_cast<unsigned>(one);
    if (fd > next) ::close_range(next, fd - 1, 0);
    next = std::max(next, fd + 1);
  }
  ::close_range(next, kLast, 0);
}

}  // namespace jtrace
