// SPDX-License-Identifier: Apache-2.0
// --push of a trace: the profile goes to a backend by a process of its own (push/sender.h).
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/options.h"
#include "profile/profile.h"
#include "push/sender.h"

namespace jtrace::session {

class Uploads {
 public:
  // Nothing where --push was not given. Forks: before there are threads, and before the attach.
  [[nodiscard]] static Result<Uploads> start(const cli::Options& options);

  // What start() says of the options, without a process and its spool, which another run may hold.
  [[nodiscard]] static Status check(const cli::Options& options);

  // -1: there is no such process.
  [[nodiscard]] pid_t pid() const { return sender_ ? sender_->pid() : -1; }

  // Of one window; never waits. Bodies are what bodies_of() made, which any thread may call: one
  // for each process, none where nothing is sent.
  void post(const std::vector<std::string>& bodies) {
    for (const std::string& body : bodies) sender_->send(body);
  }
  [[nodiscard]] bool any() const { return sender_ != nullptr; }
  [[nodiscard]] std::vector<std::string> bodies_of(const profile::Profile& profile) const;
  // As far as the sender has told.
  [[nodiscard]] std::optional<push::Report> report();
  // As send(), of all that was posted.
  [[nodiscard]] Result<std::string> finish();

  // Sends what ended up in the profile, and what an earlier run left, and waits for the backend for
  // some seconds. Returns a line for a person; an error where the backend will not have it.
  [[nodiscard]] Result<std::string> send(const profile::Profile& profile);

 private:
  push::Destination to_;
  std::string spool_;
  std::unique_ptr<push::Sender> sender_;
};

}  // namespace jtrace::session
