// SPDX-License-Identifier: Apache-2.0
// What a descriptor stood for at its event, from the bytes of bpf/fd_path.bpf.h.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace jtrace::filter {

// "/var/log/app.log", "/tmp/x (deleted)", ".../cut/off/at/its/beginning", "pipe:[4711]",
// "anon_inode:[eventpoll]", "tcp 10.0.0.1:5000->10.0.0.2:443", "tcp [::]:80 (listening)",
// "unix /run/x.sock", "AF_NETLINK SOCK_RAW". Files are named as readlink() of /proc/PID/fd does.
// Empty where the bytes are none of these. Names are as the file system has them, bytes of any
// kind.
[[nodiscard]] std::string fd_text(std::span<const std::byte> bytes);

}  // namespace jtrace::filter
