// SPDX-License-Identifier: Apache-2.0
#include "serve/token.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/file.h"

namespace jtrace::serve {
namespace {

constexpr const char* kVariable = "JTRACE_SERVE_TOKEN";
constexpr std::size_t kLargest = 16 * 1024;  // of a file
constexpr std::size_t kShortest = 16;        // what is shorter is guessed

}  // namespace

Result<std::string> read_token(const std::string& file) {
  const std::string from = file.empty() ? kVariable : "--serve-token-file " + file;
  std::string token;
  if (const char* text = ::secure_getenv(kVariable); text != nullptr) token = text;
  ::unsetenv(kVariable);
  if (!file.empty()) {
    auto text = read_file(file, kLargest);
    if (!text) return fail(Errc::Usage, "--serve-token-file: " + text.error().message);
    token = std::move(*text);
  }
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  if (token.empty() && file.empty()) return token;
  const bool plain =
      std::ranges::all_of(token, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (token.size() < kShortest || !plain) {
    return fail(Errc::Usage, from + ": a token is one word of 16 characters of ASCII at least",
                "head -c 24 /dev/urandom | base64 makes one");
  }
  return token;
}

bool is_same_secret(std::string_view given, std::string_view secret) {
  volatile unsigned differs = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    const char other = given.empty() ? '\0' : given[i % given.size()];
    differs = differs | static_cast<unsigned>(static_cast<unsigned char>(other ^ secret[i]));
  }
  return differs == 0 && !secret.empty();
}

Result<std::string> make_secret() {
  std::array<unsigned char, 32> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return fail(Errc::Internal, errno_text("start the server: getrandom", errno));
  }
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace jtrace::serve
