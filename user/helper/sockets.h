// SPDX-License-Identifier: Apache-2.0
// Bytes and descriptors over a socket pair.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace jtrace::helper {

using Deadline = std::chrono::steady_clock::time_point;

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};
// Both invalid where there are no descriptors left.
[[nodiscard]] SocketPair make_sockets();

// Length, bytes, descriptors. False where the other side is gone.
[[nodiscard]] bool send_message(int socket, std::span<const std::byte> bytes,
                                std::span<const int> fds);

[[nodiscard]] bool send_bytes(int socket, std::span<const std::byte> bytes);

struct Message {
  std::string bytes;
  std::vector<UniqueFd> fds;
};
// Waits for the next one; nullopt where the other side is gone or the message is above `limit`.
[[nodiscard]] std::optional<Message> receive_message(int socket, std::size_t limit);

// Takes no descriptors: those that are sent all the same are dropped by the kernel.
enum class Received { All, Closed, Late };
[[nodiscard]] Received receive_exactly(int socket, std::span<std::byte> into, Deadline deadline);

}  // namespace jtrace::helper
