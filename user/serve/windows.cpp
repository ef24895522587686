// SPDX-License-Identifier: Apache-2.0
#include "serve/windows.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "export/merge.h"
#include "export/reader.h"

namespace jtrace::serve {

void Windows::remove(std::deque<Kept>::iterator at) {
  bytes_ -= at->json.size();
  kept_.erase(at);
}

bool Windows::add(Window window, std::string json) {
  const auto live = std::ranges::find_if(kept_, [&](const Kept& one) {
    return one.window.live && one.window.target == window.target;
  });
  if (live != kept_.end()) remove(live);
  if (json.size() > most_bytes_) {
    ++dropped_;
    return false;
  }
  while (kept_.size() >= most_ || bytes_ + json.size() > most_bytes_) {
    remove(kept_.begin());
    ++dropped_;
  }
  window.id = ++last_id_;
  bytes_ += json.size();
  kept_.push_back({std::move(window), std::move(json)});
  return true;
}

std::string Windows::list_json() const {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const auto& [window, json] : kept_) {
    list.push_back({{"id", window.id},
                    {"start_ms", window.start_ns / 1'000'000},
                    {"duration_ms", window.duration_ns / 1'000'000},
                    {"live", window.live},
                    {"title", window.title},
                    {"target", window.target},
                    {"bytes", json.size()}});
  }
  const Json all{{"windows", std::move(list)}, {"dropped", dropped_}};
  return all.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

const std::string* Windows::find(std::uint64_t id) const {
  const auto found = std::ranges::find(kept_, id, [](const Kept& one) { return one.window.id; });
  return found == kept_.end() ? nullptr : &found->json;
}

Result<profile::Profile> Windows::merged(std::uint64_t from, std::uint64_t to,
                                         std::string_view target) const {
  exporting::Merger merger;
  for (const auto& [window, json] : kept_) {
    if (window.id < from || window.id > to) continue;
    if (!target.empty() && window.target != target) continue;
    JT_TRY(profile::Profile one, exporting::parse_profile(json));
    if (from == to) return one;
    JT_CHECK_OK(merger.add(one));
  }
  return std::move(merger).take();
}

}  // namespace jtrace::serve
