// SPDX-License-Identifier: Apache-2.0
// What becomes of a finished window: files, what is sent, a page.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "session/observers.h"
#include "session/output.h"
#include "session/report.h"
#include "session/uploads.h"
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

// Where windows go, which stays the same all the time. Lives as long as the Publisher.
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
// meanwhile processes end whose names are wanted. In the order of give().
class Publisher {
 public:
  explicit Publisher(Places places);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  ~Publisher();

  void give(Report report);
  // Windows that are not published yet. Who gives more than it takes has to wait.
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::optional<Published> take();
  // As take(), and waits for it; nullopt where there are no more.
  [[nodiscard]] std::optional<Published> take_last();
  // Becomes readable when there is something to be taken.
  [[nodiscard]] int wake_fd() const { return wake_.get(); }

 private:
  void run(const std::stop_token& stop);

  const Places places_;
  UniqueFd wake_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Report> given_;
  std::deque<Published> done_;
  bool busy_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace jtrace::session
