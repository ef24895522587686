// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace jtrace::session {

// Whether standard error is a terminal that can take a line back.
[[nodiscard]] bool has_status_terminal();

// "attaching 120 of 720 events, 3 s" on a terminal, for work that takes longer than a second;
// nothing anywhere else. The work itself may hang in one call (a target's file on a dead NFS
// server), so the line is written by a thread of its own, which does nothing else.
class Progress {
 public:
  struct Settings {
    bool shows = false;
    int fd = 2;
    std::chrono::milliseconds after = std::chrono::seconds(1);
    std::chrono::milliseconds every = std::chrono::milliseconds(500);
  };
  explicit Progress(Settings settings);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // What is being done from now on. `text` may hold a target's words.
  void begin(std::string text);
  // More of the same: the time goes on.
  void update(std::string text);
  // Makes room for another line; this one comes back where the work goes on.
  void hide();
  // Nothing any more; the line is gone, and so is the thread, until something begins again.
  void end();

 private:
  using Clock = std::chrono::steady_clock;
  void start();  // mutex_ is held
  void run(const std::stop_token& stop);
  void show();  // mutex_ is held
  void clear();

  const Settings settings_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string text_;
  Clock::time_point began_;
  bool visible_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace jtrace::session
