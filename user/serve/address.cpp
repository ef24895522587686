// SPDX-License-Identifier: Apache-2.0
#include "serve/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <strings.h>

#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace jtrace::serve {
namespace {

constexpr const char* kForms = "an address is 127.0.0.1:9464, [::1]:9464 or a port alone";

struct Parts {
  std::string host;
  std::string_view port;
};

// "[::1]:80", "127.0.0.1:80", "127.0.0.1"; the port is empty where there is none.
std::optional<Parts> split(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return std::nullopt;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && (rest.front() != ':' || rest.size() == 1)) return std::nullopt;
    return Parts{std::string(text.substr(1, end - 1)), rest.empty() ? rest : rest.substr(1)};
  }
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return Parts{std::string(text), {}};
  if (colon + 1 == text.size() || text.find(':', colon + 1) != text.npos) return std::nullopt;
  return Parts{std::string(text.substr(0, colon)), text.substr(colon + 1)};
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

void put_v4(Address& address, in_addr host, std::uint16_t port) {
  constexpr std::uint32_t kFirstByte = 24;
  const sockaddr_in in{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = host, .sin_zero = {}};
  std::memcpy(&address.bytes, &in, sizeof in);
  address.size = sizeof in;
  address.loopback = ntohl(host.s_addr) >> kFirstByte == IN_LOOPBACKNET;
}

void put_v6(Address& address, const in6_addr& host, std::uint16_t port) {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  in.sin6_addr = host;
  std::memcpy(&address.bytes, &in, sizeof in);
  address.size = sizeof in;
  address.loopback = std::memcmp(&host, &in6addr_loopback, sizeof host) == 0;
}

std::string text_of(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (address.bytes.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address.bytes, sizeof in);
    ::inet_ntop(AF_INET6, &in.sin6_addr, host.data(), host.size());
    return fmt::format("[{}]:{}", host.data(), ntohs(in.sin6_port));
  }
  sockaddr_in in{};
  std::memcpy(&in, &address.bytes, sizeof in);
  ::inet_ntop(AF_INET, &in.sin_addr, host.data(), host.size());
  return fmt::format("{}:{}", host.data(), ntohs(in.sin_port));
}

}  // namespace

Result<Address> parse_address(std::string_view option, const std::string& text) {
  const auto refuse = [&](const char* why) {
    return fail(Errc::Usage, fmt::format("{} '{}': {}", option, text, why), kForms);
  };
  const bool alone = port_of(text).has_value();
  const auto parts = alone ? Parts{"localhost", text} : split(text);
  const auto port = parts ? port_of(parts->port) : std::nullopt;
  if (!port) return refuse("not an address with a port");
  const std::string host = same_name(parts->host, "localhost") ? "127.0.0.1" : parts->host;
  Address address;
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    put_v4(address, v4, *port);
  } else if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    put_v6(address, v6, *port);
  } else {
    return refuse("not an IP address: names are not looked up");
  }
  address.text = text_of(address);
  return address;
}

Address bound_address(int socket, const Address& asked) {
  Address address = asked;
  socklen_t size = sizeof address.bytes;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address.bytes), &size);
  address.text = text_of(address);
  return address;
}

bool is_own_host(std::string_view header, std::string_view name) {
  const auto parts = split(header);
  if (!parts || (!parts->port.empty() && !port_of(parts->port))) return false;
  in_addr v4{};
  in6_addr v6{};
  const std::string& host = parts->host;
  return same_name(host, "localhost") || (!name.empty() && same_name(host, name)) ||
         ::inet_pton(AF_INET, host.c_str(), &v4) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &v6) == 1;
}

}  // namespace jtrace::serve
