// SPDX-License-Identifier: Apache-2.0
#include "session/uploads.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/counted.h"
#include "push/body.h"
#include "push/spool.h"
#include "session/confine.h"

namespace jtrace::session {
namespace {

// A person waits for it.
constexpr std::chrono::seconds kPatience{10};

// What is looked at no more often, however much the sender tells.
constexpr std::chrono::seconds kLookEvery{1};

// Root's is in the place for it; a user's among what his programs keep.
std::string spool_parent() {
  if (::geteuid() == 0) return "/var/spool";
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  if (state != nullptr && *state == '/') return state;
  if (home != nullptr && *home == '/') return std::string(home) + "/.local/state";
  return "/var/spool";
}

std::string spool_folder() { return spool_parent() + "/jtrace"; }

}  // namespace

Status Uploads::check(const cli::Options& options) {
  if (options.push.empty()) return {};
  Failures wrong;
  const auto to = push::parse_destination(options.push);
  wrong.add(to);
  wrong.add(push::read_authorization(options.push_token_file));
  if (to) wrong.add(push::look_at_spool(spool_folder(), push::name_of(to->backend)));
  return wrong.status();
}

std::string Uploads::plan(const cli::Options& options) {
  const auto to = push::parse_destination(options.push);
  if (options.push.empty() || !to) return {};
  const auto found = push::look_at_spool(spool_folder(), push::name_of(to->backend));
  if (!found) return {};
  return found->folder + (found->held ? ", held now by another jtrace, which sends from it" : "");
}

Result<Uploads> Uploads::start(const cli::Options& options) {
  Uploads uploads;
  if (options.push.empty()) return uploads;
  JT_TRY(uploads.to_, push::parse_destination(options.push));
  push::TokenFile token(options.push_token_file);
  JT_TRY(std::string authorization, push::read_authorization(options.push_token_file));
  std::error_code ignored;  // what is missing is said when the spool is opened
  std::filesystem::create_directories(spool_parent(), ignored);
  uploads.spool_ = spool_folder();
  JT_TRY(auto sender, push::Sender::start({.to = uploads.to_,
                                           .authorization = std::move(authorization),
                                           .spool = uploads.spool_},
                                          confine_sending));
  uploads.running_ = std::make_unique<Running>(std::move(sender), std::move(token),
                                               UploadNotices(uploads.to_.shown, uploads.spool_),
                                               options.continuous());
  return uploads;
}

void Uploads::post(const std::vector<std::string>& bodies) {
  if (!running_ || bodies.empty()) return;
  look_at_token();
  for (const std::string& body : bodies) running_->sender.send(body);
}

std::vector<std::string> Uploads::bodies_of(const profile::Profile& profile) const {
  if (!running_) return {};
  if (running_->gone) return {std::string()};
  return push::make_bodies(to_.backend, profile);
}

std::optional<push::Report> Uploads::report() {
  if (!running_) return std::nullopt;
  return running_->sender.report();
}

int Uploads::wake_fd() const { return running_ && !running_->gone ? running_->sender.fd() : -1; }

short Uploads::wake_events(Clock::time_point now) const {
  return next_look(now) ? 0 : POLLIN;  // and POLLHUP, which always counts
}

std::optional<Uploads::Clock::time_point> Uploads::next_look(Clock::time_point now) const {
  if (!running_ || running_->gone || now - running_->looked >= kLookEvery) return std::nullopt;
  return running_->looked + kLookEvery;
}

std::vector<std::string> Uploads::news(Clock::time_point now) {
  if (!running_ || running_->gone) return {};
  running_->looked = now;
  const push::Report report = running_->sender.report();
  if (report.denied) look_at_token();
  std::vector<std::string> lines = std::exchange(running_->said, {});
  running_->gone = report.gone;
  // Of one that is sent at the end, the end says it all.
  if (!running_->of_windows && !report.gone) return lines;
  for (std::string& line : running_->notices.turn(report, now)) lines.push_back(std::move(line));
  return lines;
}

void Uploads::look_at_token() {
  if (!running_ || running_->gone) return;
  auto look = running_->token.look();
  const std::string& file = running_->token.path();
  if (look.authorization) {
    if (running_->sender.authorize(*look.authorization)) {
      running_->said.push_back(fmt::format("the token in {} was read again", file));
    } else {
      running_->token.forget();
    }
  }
  if (!look.trouble.empty()) {
    running_->said.push_back(
        fmt::format("the token was not read again, the one before stays: {}", look.trouble));
  }
}

Result<std::string> Uploads::send(const profile::Profile& profile) {
  post(bodies_of(profile));
  return finish();
}

Result<std::string> Uploads::finish() {
  if (!running_) return std::string();
  look_at_token();
  const push::Report report = running_->sender.finish(kPatience);
  const auto& counters = report.counters;
  if (counters.refused != 0 || counters.dropped != 0) {
    return fail(Errc::Internal,
                fmt::format("{}: {} of {} not taken: {}", to_.shown,
                            counters.refused + counters.dropped, counters.taken + counters.left,
                            report.trouble.empty() ? report.refusal : report.trouble),
                "check URL and token; -f FILE keeps a file that jtrace convert can send");
  }
  if (counters.waiting != 0) {
    std::string line =
        fmt::format("{}: {}; {} in {} for the next run that sends there", to_.shown,
                    report.trouble.empty() ? "no answer yet" : report.trouble,
                    counted(counters.waiting, "profile waits", "profiles wait"), spool_);
    // Another token does not come by itself.
    if (report.denied) return fail(Errc::Internal, std::move(line), "check the token");
    return line;
  }
  return fmt::format("sent to {}", to_.shown);
}

}  // namespace jtrace::session
