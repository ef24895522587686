// SPDX-License-Identifier: Apache-2.0
#include "serve/site.h"

#include <fmt/format.h>

#include <charconv>

#include "export/diff.h"
#include "export/exporter.h"
#include "serve/address.h"
#include "serve/token.h"

namespace jtrace::serve {
namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMetrics = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kCookie = "jtrace_session";

Reply refuse(unsigned status, std::string_view why) {
  return {.status = status, .body = std::string(why) + "\n"};
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::string_view parameter(const Request& request, const char* name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string_view() : std::string_view(found->second);
}

// "12", or "12-15": several windows as one.
struct Span {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};
std::optional<Span> span_of(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto from = number(text.substr(0, dash));
  const auto to = dash == text.npos ? from : number(text.substr(dash + 1));
  if (!from || !to || *from > *to) return std::nullopt;
  return Span{*from, *to};
}

std::string_view cookie_of(std::string_view header) {
  while (!header.empty()) {
    const std::string_view one = header.substr(0, header.find(';'));
    header.remove_prefix(std::min(one.size() + 1, header.size()));
    const std::string_view pair = one.substr(std::min(one.find_first_not_of(' '), one.size()));
    if (pair.starts_with(kCookie) && pair.substr(kCookie.size()).starts_with('=')) {
      return pair.substr(kCookie.size() + 1);
    }
  }
  return {};
}

Reply page_of(const Result<profile::Profile>& profile) {
  if (!profile) {
    return refuse(profile.error().code == Errc::Usage ? 404 : 500, profile.error().message);
  }
  const auto html = exporting::exporter_by_name("html");
  if (!html) return refuse(500, html.error().message);
  return {.type = std::string(kHtml), .body = (*html)->write(*profile, {})};
}

// What a page may do stands in the page itself, with the hashes of its script; here is who may put
// it into a frame, and that nobody takes it for something else.
void secure(Reply& reply) {
  reply.headers.insert(reply.headers.end(),
                       {{"Content-Security-Policy",
                         reply.type == kHtml ? "frame-ancestors 'self'"
                                             : "default-src 'none'; frame-ancestors 'none'"},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Referrer-Policy", "no-referrer"},
                        {"Cross-Origin-Resource-Policy", "same-origin"},
                        {"Cross-Origin-Opener-Policy", "same-origin"},
                        {"Cache-Control", "no-store"}});
}

}  // namespace

bool Site::may_look(const Request& request) const {
  constexpr std::string_view kBearer = "Bearer ";
  if (keys_.token.empty()) return true;
  const std::string_view given = request.authorization;
  if (given.starts_with(kBearer)) return is_same_secret(given.substr(kBearer.size()), keys_.token);
  return is_same_secret(cookie_of(request.cookie), keys_.secret);
}

// Who brings the token in the address gets a cookie for it, and an address without it.
std::optional<Reply> Site::let_in(const Request& request) const {
  const auto given = request.query.find("token");
  if (keys_.token.empty() || given == request.query.end()) return std::nullopt;
  if (!is_same_secret(given->second, keys_.token)) return refuse(401, "that is not the token");
  return Reply{.status = 303,
               .body = {},
               .headers = {{"Location", "/"},
                           {"Set-Cookie", fmt::format("{}={}; HttpOnly; SameSite=Strict; Path=/",
                                                      kCookie, keys_.secret)}}};
}

Reply Site::answer(const Request& request, Part part) const {
  Reply reply;
  if (!is_own_host(request.host, keys_.name)) {
    reply = refuse(421, "jtrace is asked for by an IP address, localhost or this machine's name");
  } else if (request.method != "GET" && request.method != "HEAD") {
    reply = refuse(405, "only GET and HEAD");
    reply.headers.emplace_back("Allow", "GET, HEAD");
  } else if (auto entry =
                 part == Part::All && request.path == "/" ? let_in(request) : std::nullopt) {
    reply = std::move(*entry);
  } else if (!may_look(request)) {
    reply = refuse(401, "a token is needed: Authorization: Bearer TOKEN, or /?token=TOKEN once");
    reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  } else if (part == Part::Metrics && request.path != "/metrics") {
    reply = refuse(404, "there is /metrics");
  } else {
    reply = route(request);
  }
  secure(reply);
  return reply;
}

Reply Site::route(const Request& request) const {
  constexpr std::string_view kWindow = "/window/";
  const std::string_view path = request.path;
  if (path == "/") return {.type = std::string(kHtml), .body = std::string(windows_page())};
  if (path == "/metrics") {
    if (metrics_.empty()) return refuse(503, "nothing is counted yet");
    return {.type = std::string(kMetrics), .body = metrics_};
  }
  if (path == "/api/windows") return {.type = std::string(kJson), .body = windows_.list_json()};
  if (path == "/merged") return merged(request);
  if (path == "/diff") return difference(request);
  if (path.starts_with(kWindow)) return window(path.substr(kWindow.size()));
  return refuse(404,
                "there is /, /metrics, /api/windows, /window/ID.html, /window/ID.json, "
                "/merged?from=ID&to=ID and /diff?base=ID&new=ID");
}

Reply Site::window(std::string_view name) const {
  const std::size_t dot = std::min(name.find('.'), name.size());
  const std::string_view suffix = name.substr(dot);
  const auto id = number(name.substr(0, dot));
  const std::string* json = id ? windows_.find(*id) : nullptr;
  if (json == nullptr || (suffix != ".html" && suffix != ".json")) {
    return refuse(404, "no such window: never there, or gone for newer ones");
  }
  if (suffix == ".json") return {.type = std::string(kJson), .body = *json};
  return page_of(windows_.merged(*id, *id, {}));
}

Reply Site::merged(const Request& request) const {
  const auto from = number(parameter(request, "from"));
  const auto to = number(parameter(request, "to"));
  if (!from || !to) return refuse(400, "/merged?from=ID&to=ID");
  return page_of(windows_.merged(*from, *to, parameter(request, "target")));
}

Reply Site::difference(const Request& request) const {
  const std::string_view target = parameter(request, "target");
  const auto base = span_of(parameter(request, "base"));
  const auto next = span_of(parameter(request, "new"));
  if (!base || !next) return refuse(400, "/diff?base=ID&new=ID, each an ID or ID-ID");
  const auto before = windows_.merged(base->from, base->to, target);
  if (!before) return page_of(before);
  const auto after = windows_.merged(next->from, next->to, target);
  if (!after) return page_of(after);
  const auto name = [](const Span& span) {
    return span.from == span.to ? fmt::format("window {}", span.from)
                                : fmt::format("windows {} to {}", span.from, span.to);
  };
  return page_of(exporting::diff_profile({*before, name(*base)}, {*after, name(*next)}));
}

}  // namespace jtrace::serve
