// SPDX-License-Identifier: Apache-2.0
// What becomes of a finished window: files, what is sent, a page.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "session/observers.h"
#include "session/output.h"
#include "session/report.h"
#include "session/uploads.h"
#include "session/worker.h"
#include "session/writer.h"

namespace jtrace::session {

// A window, rendered and written.
struct Published {
  Report report;
  std::vector<Output> files{};      // that were written, by the names they got
  std::vector<std::string> said{};  // lines for a person: "wrote FILE"
  std::vector<Error> failures{};    // files that could not be written; the others are all the same
  std::vector<std::string> bodies{};  // for Uploads::post
  std::string page{};                 // for Observers::publish_window
};

// Where windows go, which stays the same all the time.
struct Places {
  const std::vector<Output>& outputs;
  const Writer& writer;
  const Uploads& uploads;
  const Observers& observers;
  std::function<void(const std::string& what)> begin{};  // before each step that may take long
  bool of_windows = false;                               // one behind the other, without an end
};

// "window 3: 1204 events, 2 lost, 1 partial; wrote FILE".
[[nodiscard]] std::string window_line(const Published& published);

// All of that, now.
[[nodiscard]] Published publish(Report report, const Places& places);

// The same by a thread of its own: a page of 100 000 frames takes 100 ms, a disk seconds, and
// meanwhile processes end whose names are wanted.
using Publisher = Worker<Report, Published>;

}  // namespace jtrace::session
