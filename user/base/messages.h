// SPDX-License-Identifier: Apache-2.0
// Messages between our processes over SOCK_SEQPACKET. What is large comes as a descriptor of
// memory, so that its size makes nobody wait.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace {

// Not valid where there is no memory for it.
[[nodiscard]] UniqueFd in_memory(const char* name, std::string_view bytes);

// What in_memory() made, or who sent it says so.
[[nodiscard]] Result<std::string> read_memory(const UniqueFd& memory, const std::string& name,
                                              std::size_t limit);

// With a descriptor, where there is one. Never waits.
[[nodiscard]] bool send_message(int socket, std::span<const std::byte> message,
                                const UniqueFd* memory = nullptr);

struct Received {
  ssize_t size = -1;  // as of recvmsg(), which leaves errno
  UniqueFd memory;
};
[[nodiscard]] Received receive_message(int socket, std::span<std::byte> message);

// For a process that was forked: what else its parent holds open is none of its business; nor is
// the standard output, whose reader waits for the end of everybody who has it.
void keep_open(std::span<const int> descriptors);

}  // namespace jtrace
