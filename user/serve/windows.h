// SPDX-License-Identifier: Apache-2.0
// The windows that can be looked at: as many as there is room for, the newest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "profile/profile.h"

namespace jtrace::serve {

// What is known of a window without reading it.
struct Window {
  std::uint64_t id = 0;       // 1, 2, ... as they came
  std::int64_t start_ns = 0;  // since the epoch
  std::int64_t duration_ns = 0;
  std::string title{};  // events
  std::string target{};
};

// "12", "12-15", "live" (the one that goes on), "12-live".
struct Span {
  std::uint64_t from = 1;  // finished ones, both included; none where `to` is less
  std::uint64_t to = 0;
  bool live = false;
  [[nodiscard]] static std::optional<Span> parse(std::string_view text);
  [[nodiscard]] std::string text() const;  // "window 12", "windows 12 to 15"
};

class Windows {
 public:
  Windows(std::size_t most, std::size_t most_bytes) : most_(most), most_bytes_(most_bytes) {}

  // `json`: in jtrace's own format. False where it never fits. Ends the one that went on.
  bool add(Window window, std::string json);
  // One that could not be had.
  void drop() { ++dropped_; }
  // What the window that goes on has by now. It has room of its own, as large as that of all
  // others.
  void set_live(Window window, std::string json);

  [[nodiscard]] std::size_t size() const { return kept_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_ + (live_ ? live_->json.size() : 0); }
  // Those that had to go for newer ones.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  [[nodiscard]] std::string list_json() const;
  // The one window of a span.
  [[nodiscard]] const std::string* find(const Span& span) const;

  // Those of a span, as one profile.
  [[nodiscard]] Result<profile::Profile> merged(const Span& span) const;

 private:
  struct Kept {
    Window window;
    std::string json;
  };

  std::size_t most_;
  std::size_t most_bytes_;
  std::deque<Kept> kept_;  // by id
  std::size_t bytes_ = 0;
  std::uint64_t last_id_ = 0;
  std::uint64_t dropped_ = 0;
  std::optional<Kept> live_;  // its id: how often it was renewed
  std::uint64_t last_live_ = 0;
};

}  // namespace jtrace::serve
