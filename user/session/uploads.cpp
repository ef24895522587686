// SPDX-License-Identifier: Apache-2.0
#include "session/uploads.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/counted.h"
#include "push/body.h"
#include "session/confine.h"

namespace jtrace::session {
namespace {

// A person waits for it.
constexpr std::chrono::seconds kPatience{10};

// Root's is in the place for it; a user's among what his programs keep.
std::string spool_folder() {
  if (::geteuid() == 0) return "/var/spool/jtrace";
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  const std::string folder = state != nullptr && *state == '/' ? state
                             : home != nullptr && *home == '/' ? std::string(home) + "/.local/state"
                                                               : "/var/spool";
  std::error_code ignored;  // what is missing is said when the spool is opened
  std::filesystem::create_directories(folder, ignored);
  return folder + "/jtrace";
}

}  // namespace

Status Uploads::check(const cli::Options& options) {
  if (options.push.empty()) return {};
  Failures wrong;
  wrong.add(push::parse_destination(options.push));
  wrong.add(push::read_authorization(options.push_token_file));
  return wrong.status();
}

Result<Uploads> Uploads::start(const cli::Options& options) {
  Uploads uploads;
  if (options.push.empty()) return uploads;
  JT_TRY(uploads.to_, push::parse_destination(options.push));
  JT_TRY(std::string authorization, push::read_authorization(options.push_token_file));
  uploads.spool_ = spool_folder();
  JT_TRY(auto sender, push::Sender::start({.to = uploads.to_,
                                           .authorization = std::move(authorization),
                                           .spool = uploads.spool_},
                                          confine_sending));
  uploads.sender_ = std::make_unique<push::Sender>(std::move(sender));
  return uploads;
}

std::vector<std::string> Uploads::bodies_of(const profile::Profile& profile) const {
  return sender_ ? push::make_bodies(to_.backend, profile) : std::vector<std::string>();
}

std::optional<push::Report> Uploads::report() {
  if (!sender_) return std::nullopt;
  return sender_->report();
}

Result<std::string> Uploads::send(const profile::Profile& profile) {
  if (!sender_) return std::string();
  post(bodies_of(profile));
  return finish();
}

Result<std::string> Uploads::finish() {
  if (!sender_) return std::string();
  const push::Report report = sender_->finish(kPatience);
  const auto& counters = report.counters;
  if (counters.refused != 0 || counters.dropped != 0) {
    return fail(
        Errc::Internal,
        fmt::format("{}: {} of {} not taken: {}", to_.shown, counters.refused + counters.dropped,
                    counters.taken + counters.left, report.trouble),
        "check URL and token; -f FILE keeps a file that jtrace convert can send");
  }
  if (counters.waiting != 0) {
    return fmt::format("{}: {}; {} in {} for the next run that sends there", to_.shown,
                       report.trouble.empty() ? "no answer yet" : report.trouble,
                       counted(counters.waiting, "profile waits", "profiles wait"), spool_);
  }
  return fmt::format("sent to {}", to_.shown);
}

}  // namespace jtrace::session
