// SPDX-License-Identifier: Apache-2.0
#include "serve/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "export/diff.h"
#include "export/exporter.h"
#include "export/page.h"
#include "serve/address.h"
#include "serve/choice.h"
#include "serve/token.h"

namespace jtrace::serve {
namespace {

constexpr std::string_view kHtml = "text/html; charset=utf-8";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMetrics = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kWindow = "/window/";
constexpr std::string_view kCookie = "jtrace_session";

Reply refuse(unsigned status, std::string_view why) {
  return {.status = status, .body = std::string(why) + "\n"};
}

std::string_view parameter(const Request& request, const char* name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string_view() : std::string_view(found->second);
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

Choice choice_of(const Request& request) {
  return {.process = parameter(request, "process"),
          .event = parameter(request, "event"),
          .weight = parameter(request, "weight")};
}

Reply failed(const Error& error) {
  return refuse(error.code == Errc::Usage ? 404 : 500, error.message);
}

// As a page, or what is new on a page that is there already.
Reply page_of(const Request& request, const profile::Profile& profile, const std::string& choices) {
  if (parameter(request, "as") == "data") {
    return {
        .type = std::string(kJson),
        .body = "{\"choices\":" + choices + ",\"page\":" + exporting::page_data(profile) + "}\n"};
  }
  const auto html = exporting::exporter_by_name("html");
  if (!html) return refuse(500, html.error().message);
  return {.type = std::string(kHtml), .body = (*html)->write(profile, {})};
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
  const std::string_view path = request.path;
  if (path == "/") return {.type = std::string(kHtml), .body = std::string(windows_page())};
  if (path == "/graph.html") return page_of({}, {}, {});
  if (path == "/metrics") {
    if (metrics_.empty()) return refuse(503, "nothing is counted yet");
    return {.type = std::string(kMetrics), .body = metrics_};
  }
  if (path == "/api/windows") {
    return {.type = std::string(kJson),
            .body = windows_.list_json(),
            .watches = parameter(request, "live") == "1"};
  }
  if (path == "/merged") return merged(request);
  if (path == "/diff") return difference(request);
  if (path.starts_with(kWindow)) return window(request);
  return refuse(404,
                "there is /, /metrics, /api/windows, /window/ID.html, /window/ID.json, "
                "/merged?from=ID&to=ID and /diff?base=ID&new=ID; an ID may be live");
}

Reply Site::window(const Request& request) const {
  const std::string_view name = std::string_view(request.path).substr(kWindow.size());
  const std::size_t dot = std::min(name.find('.'), name.size());
  const std::string_view suffix = name.substr(dot);
  const auto span = Span::parse(name.substr(0, dot));
  const std::string* json = span ? windows_.find(*span) : nullptr;
  Reply reply = refuse(404, "no such window: never there, or gone for newer ones");
  if (json == nullptr && span && span->live) {
    reply = refuse(404, "nothing is known of the window that goes on; ask again in a second");
  } else if (json != nullptr && suffix == ".json") {
    reply = {.type = std::string(kJson), .body = *json};
  } else if (json != nullptr && suffix == ".html") {
    reply = shown(request, *span);
  }
  reply.watches = span && span->live;
  return reply;
}

Reply Site::shown(const Request& request, const Span& span) const {
  auto profile = windows_.merged(span);
  if (!profile) return failed(profile.error());
  const Choice choice = choice_of(request);
  const std::array<const profile::Profile*, 1> all{&*profile};
  const std::string choices = choices_json(all, choice);
  choose(*profile, choice);
  return page_of(request, *profile, choices);
}

Reply Site::merged(const Request& request) const {
  const auto span =
      Span::parse(fmt::format("{}-{}", parameter(request, "from"), parameter(request, "to")));
  if (!span) return refuse(400, "/merged?from=ID&to=ID, the last one may be live");
  Reply reply = shown(request, *span);
  reply.watches = span->live;
  return reply;
}

Reply Site::difference(const Request& request) const {
  const auto base = Span::parse(parameter(request, "base"));
  const auto next = Span::parse(parameter(request, "new"));
  if (!base || !next)
    return refuse(400, "/diff?base=ID&new=ID, each an ID, live, ID-ID or ID-live");
  const auto make = [&]() -> Reply {
    auto before = windows_.merged(*base);
    if (!before) return failed(before.error());
    auto after = windows_.merged(*next);
    if (!after) return failed(after.error());
    const Choice choice = choice_of(request);
    const std::array<const profile::Profile*, 2> both{&*before, &*after};
    const std::string choices = choices_json(both, choice);
    choose(*before, choice);
    choose(*after, choice);
    const auto profile = exporting::diff_profile({*before, base->text()}, {*after, next->text()});
    return profile ? page_of(request, *profile, choices) : failed(profile.error());
  };
  Reply reply = make();
  reply.watches = base->live || next->live;
  return reply;
}

}  // namespace jtrace::serve
