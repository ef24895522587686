// SPDX-License-Identifier: Apache-2.0
#include "serve/windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "export/merge.h"
#include "export/reader.h"

namespace jtrace::serve {
namespace {

constexpr std::string_view kLive = "live";

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::optional<Span> Span::parse(std::string_view text) {
  if (text == kLive) return Span{.live = true};
  const std::size_t dash = text.find('-');
  const auto from = number(text.substr(0, dash));
  if (!from) return std::nullopt;
  if (dash == text.npos) return Span{*from, *from};
  if (text.substr(dash + 1) == kLive) return Span{*from, UINT64_MAX, true};
  const auto to = number(text.substr(dash + 1));
  if (!to || *from > *to) return std::nullopt;
  return Span{*from, *to};
}

std::string Span::text() const {
  if (live) {
    return from > to ? std::string("the window that goes on")
                     : fmt::format("windows from {} to the one that goes on", from);
  }
  return from == to ? fmt::format("window {}", from) : fmt::format("windows {} to {}", from, to);
}

bool Windows::add(Window window, std::string json) {
  live_.reset();
  if (json.size() > most_bytes_) {
    ++dropped_;
    return false;
  }
  while (kept_.size() >= most_ || bytes_ + json.size() > most_bytes_) {
    bytes_ -= kept_.front().json.size();
    kept_.pop_front();
    ++dropped_;
  }
  window.id = ++last_id_;
  bytes_ += json.size();
  kept_.push_back({std::move(window), std::move(json)});
  return true;
}

void Windows::set_live(Window window, std::string json) {
  live_.reset();
  if (json.size() > most_bytes_) return;
  window.id = ++last_live_;
  live_.emplace(std::move(window), std::move(json));
}

std::string Windows::list_json() const {
  using Json = nlohmann::ordered_json;
  const auto about = [](const Kept& one) {
    const auto& [window, json] = one;
    return Json{{"id", window.id},
                {"start_ms", window.start_ns / 1'000'000},
                {"duration_ms", window.duration_ns / 1'000'000},
                {"title", window.title},
                {"target", window.target},
                {"bytes", json.size()}};
  };
  Json list = Json::array();
  for (const Kept& one : kept_) list.push_back(about(one));
  const Json all{{"windows", std::move(list)},
                 {"dropped", dropped_},
                 {"live", live_ ? about(*live_) : Json()}};
  return all.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

const std::string* Windows::find(const Span& span) const {
  if (span.live) return live_ && span.from > span.to ? &live_->json : nullptr;
  const auto found =
      std::ranges::find(kept_, span.from, [](const Kept& one) { return one.window.id; });
  return found == kept_.end() || span.from != span.to ? nullptr : &found->json;
}

Result<profile::Profile> Windows::merged(const Span& span) const {
  std::vector<const std::string*> all;
  for (const auto& [window, json] : kept_) {
    if (window.id >= span.from && window.id <= span.to) all.push_back(&json);
  }
  if (span.live && live_) all.push_back(&live_->json);
  if (all.size() == 1) return exporting::parse_profile(*all.front());
  exporting::Merger merger;
  for (const std::string* json : all) {
    JT_TRY(const profile::Profile one, exporting::parse_profile(*json));
    JT_CHECK_OK(merger.add(one));
  }
  return std::move(merger).take();
}

}  // namespace jtrace::serve
