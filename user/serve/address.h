// SPDX-License-Identifier: Apache-2.0
// Where one may look: --metrics ADDR, --serve ADDR.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace jtrace::serve {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  bool loopback = false;
  std::string text;  // "127.0.0.1:9464", "[::1]:9464"
  friend bool operator==(const Address& a, const Address& b) { return a.text == b.text; }
};

// HOST:PORT or PORT alone, HOST being an IP address or localhost: names are not looked up. Errc::
// Usage naming `option`.
[[nodiscard]] Result<Address> parse_address(std::string_view option, const std::string& text);

// As it is bound: with the port that the kernel chose for port 0.
[[nodiscard]] Address bound_address(int socket, const Address& asked);

// Whether a request's Host header is none that another site could have its name resolve to us by
// (DNS rebinding): an IP address, localhost, or `name`, which this machine has.
[[nodiscard]] bool is_own_host(std::string_view header, std::string_view name);

}  // namespace jtrace::serve
