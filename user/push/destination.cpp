// SPDX-License-Identifier: Apache-2.0
#include "push/destination.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/file.h"
#include "base/redacted.h"
#include "push/libcurl.h"

namespace jtrace::push {
namespace {

struct Known {
  Backend backend;
  std::string_view name;
  const char* path;
};
constexpr std::array<Known, 3> kKnown{{
    {Backend::Otlp, "otlp", "/v1development/profiles"},
    {Backend::Pyroscope, "pyroscope", "/push.v1.PusherService/Push"},
    {Backend::Parca, "parca", "/profiles/writeraw"},
}};

constexpr const char* kVariable = "JTRACE_PUSH_TOKEN";
constexpr const char* kForms =
    "otlp+http://HOST:4318, pyroscope+https://HOST, parca+http://HOST:7070";

class Url {
 public:
  Url() : handle_(curl().url(), curl().url_cleanup) {}

  bool set(CURLUPart part, const std::string& text) {
    return curl().url_set(handle_.get(), part, text.c_str(), 0) == CURLUE_OK;
  }
  [[nodiscard]] std::optional<std::string> get(CURLUPart part) const {
    char* text = nullptr;
    if (curl().url_get(handle_.get(), part, &text, 0) != CURLUE_OK) return std::nullopt;
    const std::unique_ptr<char, decltype(&::curl_free)> owner(text, curl().free);
    return text;
  }

 private:
  std::unique_ptr<CURLU, decltype(&::curl_url_cleanup)> handle_;
};

std::unexpected<Error> refuse(const std::string& url, const char* why, const char* hint = kForms) {
  return fail(Errc::Usage, fmt::format("--push {}: {}", redacted_url(url), why), hint);
}

Result<std::string> authorization_of(std::string token, const std::string& from) {
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  if (token.empty()) return fail(Errc::Usage, from + ": there is no token in it");
  // A line break would begin another header.
  if (std::ranges::any_of(token, [](unsigned char c) { return c < 0x20 || c >= 0x7f; })) {
    return fail(Errc::Usage, from + ": a token is one line of ASCII");
  }
  return token.find(' ') == token.npos ? "Bearer " + token : token;
}

const Known* by_scheme(std::string_view url) {
  const auto* known = std::ranges::find_if(kKnown, [&](const Known& one) {
    return url.starts_with(one.name) && url.substr(one.name.size()).starts_with('+');
  });
  return known == kKnown.end() ? nullptr : known;
}

const Known* by_path(std::string_view path) {
  const auto* known =
      std::ranges::find_if(kKnown, [&](const Known& one) { return path.ends_with(one.path); });
  return known == kKnown.end() ? nullptr : known;
}

}  // namespace

std::string_view name_of(Backend backend) {
  return std::ranges::find(kKnown, backend, &Known::backend)->name;
}

Result<Destination> parse_destination(const std::string& url) {
  JT_CHECK_OK(load_libcurl());
  const Known* known = by_scheme(url);
  const std::string plain = known == nullptr ? url : url.substr(known->name.size() + 1);
  Url parsed;
  if ((!plain.starts_with("http://") && !plain.starts_with("https://")) ||
      !parsed.set(CURLUPART_URL, plain)) {
    return refuse(url, "not a URL that profiles can be sent to");
  }
  if (parsed.get(CURLUPART_USER) || parsed.get(CURLUPART_PASSWORD)) {
    return refuse(url, "credentials do not belong into a URL, where ps shows them",
                  "--push-token-file FILE, or JTRACE_PUSH_TOKEN in the environment");
  }
  const std::string path = parsed.get(CURLUPART_PATH).value_or("/");
  if (known == nullptr) known = by_path(path);
  if (known == nullptr) return refuse(url, "the URL does not tell which backend is there");
  if (path == "/") parsed.set(CURLUPART_PATH, known->path);
  std::string whole = parsed.get(CURLUPART_URL).value_or(plain);
  std::string shown = redacted_url(whole);
  return Destination{known->backend, std::move(whole), std::move(shown)};
}

Result<std::string> file_authorization(const std::string& file) {
  constexpr std::size_t kLargest = 16 * 1024;
  auto text = read_file(file, kLargest);
  if (!text) return fail(Errc::Usage, "--push-token-file: " + text.error().message);
  return authorization_of(std::move(*text), "--push-token-file " + file);
}

Result<std::string> read_authorization(const std::string& file) {
  std::string token;
  if (const char* text = ::secure_getenv(kVariable); text != nullptr) token = text;
  ::unsetenv(kVariable);
  if (!file.empty()) return file_authorization(file);
  return token.empty() ? token : authorization_of(std::move(token), kVariable);
}

}  // namespace jtrace::push
