// SPDX-License-Identifier: Apache-2.0
#include "session/upload_notices.h"

#include <fmt/format.h>

#include "base/counted.h"

namespace jtrace::session {
namespace {

std::string profiles(std::uint64_t count) { return counted(count, "profile"); }

}  // namespace

bool UploadNotices::Trouble::due(Clock::time_point now) {
  if (said && now - *said < kEvery) return false;
  said = now;
  return true;
}

std::uint64_t UploadNotices::Trouble::more(std::uint64_t count, Clock::time_point now) {
  if (count <= told || !due(now)) return 0;
  return count - std::exchange(told, count);
}

void UploadNotices::say_waiting(const push::Report& report, Clock::time_point now,
                                std::vector<std::string>& lines) {
  const push::Counters& c = report.counters;
  if (!report.waits) {
    if (told_waiting_ && c.sent > sent_) {
      told_waiting_ = false;
      std::string line = fmt::format("{} takes profiles again", shown_);
      if (c.waiting != 0) line += fmt::format("; {} to go", profiles(c.waiting));
      lines.push_back(std::move(line));
    }
    return;
  }
  if (!(report.denied ? denied_ : waiting_).due(now)) return;
  told_waiting_ = true;
  sent_ = c.sent;
  lines.push_back(fmt::format("{}: {}; profiles wait in {} and are tried again{}", shown_,
                              report.trouble, spool_,
                              c.waiting > 1 ? fmt::format(", {} by now", c.waiting) : ""));
}

std::vector<std::string> UploadNotices::turn(const push::Report& report, Clock::time_point now) {
  std::vector<std::string> lines;
  if (gone_) return lines;
  const push::Counters& c = report.counters;
  if (!report.gone) say_waiting(report, now, lines);
  if (const auto lost = refused_.more(c.refused, now); lost != 0) {
    lines.push_back(fmt::format("{} refuses profiles for good: {}; {} lost", shown_, report.refusal,
                                profiles(lost)));
  }
  if (const auto lost = dropped_.more(c.dropped - report.not_handed, now);
      lost != 0 && !report.gone) {
    lines.push_back(
        fmt::format("the spool {} has no room: {} lost, the oldest first", spool_, profiles(lost)));
  }
  if (report.gone) {
    gone_ = true;
    lines.push_back(
        fmt::format("the sender of profiles is gone: profiles are not sent until jtrace is started "
                    "again; files are written on; what waits in {} is sent then",
                    spool_));
  } else if (const auto lost = behind_.more(report.not_handed, now); lost != 0) {
    lines.push_back(
        fmt::format("the sender of profiles does not keep up: {} lost", profiles(lost)));
  }
  return lines;
}

}  // namespace jtrace::session
