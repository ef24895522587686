// SPDX-License-Identifier: Apache-2.0
// --push of a trace: the profile goes to a backend by a process of its own (push/sender.h).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/options.h"
#include "profile/profile.h"
#include "push/sender.h"
#include "push/token_file.h"
#include "session/upload_notices.h"

namespace jtrace::session {

class Uploads {
 public:
  using Clock = std::chrono::steady_clock;

  // Nothing where --push was not given. Forks: before there are threads, and before the attach.
  [[nodiscard]] static Result<Uploads> start(const cli::Options& options);

  // What start() says of the options, without a process, and without its spool, which another run
  // may hold.
  [[nodiscard]] static Status check(const cli::Options& options);
  // The spool's folder and whether another run holds it now, for the plan; empty without --push.
  [[nodiscard]] static std::string plan(const cli::Options& options);

  // -1: there is no such process.
  [[nodiscard]] pid_t pid() const { return running_ ? running_->sender.pid() : -1; }

  // Of one window; never waits. Bodies are what bodies_of() made, which any thread may call: one
  // for each process, none where nothing is sent.
  void post(const std::vector<std::string>& bodies);
  [[nodiscard]] bool any() const { return running_ != nullptr; }
  // Of a sender that is gone one body, empty: there is nobody to make them for, but it is counted.
  [[nodiscard]] std::vector<std::string> bodies_of(const profile::Profile& profile) const;
  // As far as the sender has told.
  [[nodiscard]] std::optional<push::Report> report();
  // As send(), of all that was posted.
  [[nodiscard]] Result<std::string> finish();

  // Readable when there may be news; -1 where there will be none. `events` for poll(): what the
  // sender tells is looked at once a second at most, its end at once.
  [[nodiscard]] int wake_fd() const;
  [[nodiscard]] short wake_events(Clock::time_point now) const;
  // When the next look is, where one was put off.
  [[nodiscard]] std::optional<Clock::time_point> next_look(Clock::time_point now) const;
  // What there is to say of it while it goes on.
  [[nodiscard]] std::vector<std::string> news(Clock::time_point now);
  // The token's file may be another one now.
  void look_at_token();

  // Sends what ended up in the profile, and what an earlier run left, and waits for the backend for
  // some seconds. Returns a line for a person; an error where the backend will not have it.
  [[nodiscard]] Result<std::string> send(const profile::Profile& profile);

 private:
  struct Running {
    push::Sender sender;
    push::TokenFile token;
    UploadNotices notices;
    bool of_windows = false;
    Clock::time_point looked{};
    std::vector<std::string> said{};  // of the token
    std::atomic<bool> gone = false;   // for who makes bodies
  };

  push::Destination to_;
  std::string spool_;
  std::unique_ptr<Running> running_;
};

}  // namespace jtrace::session
