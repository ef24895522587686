// SPDX-License-Identifier: Apache-2.0
// The windows that can be looked at: as many as there is room for, the newest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "profile/profile.h"

namespace jtrace::serve {

// What is known of a window without reading it.
struct Window {
  std::uint64_t id = 0;       // 1, 2, ... as they came
  std::int64_t start_ns = 0;  // since the epoch
  std::int64_t duration_ns = 0;
  bool live = false;    // goes on: the next one of its target takes its place
  std::string title{};  // events
  std::string target{};
};

class Windows {
 public:
  Windows(std::size_t most, std::size_t most_bytes) : most_(most), most_bytes_(most_bytes) {}

  // `json`: in jtrace's own format. False where it never fits.
  bool add(Window window, std::string json);
  // One that could not be had.
  void drop() { ++dropped_; }

  [[nodiscard]] std::size_t size() const { return kept_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // Those that had to go for newer ones.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  [[nodiscard]] std::string list_json() const;
  [[nodiscard]] const std::string* find(std::uint64_t id) const;

  // Windows from..to, both included, of one process where `target` is not empty, as one profile.
  [[nodiscard]] Result<profile::Profile> merged(std::uint64_t from, std::uint64_t to,
                                                std::string_view target) const;

 private:
  struct Kept {
    Window window;
    std::string json;
  };
  void remove(std::deque<Kept>::iterator at);

  std::size_t most_;
  std::size_t most_bytes_;
  std::deque<Kept> kept_;  // by id
  std::size_t bytes_ = 0;
  std::uint64_t last_id_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace jtrace::serve
