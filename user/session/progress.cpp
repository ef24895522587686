// SPDX-License-Identifier: Apache-2.0
#include "session/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/printable.h"

namespace jtrace::session {
namespace {

constexpr std::string_view kEraseLine = "\r\x1b[K";

void put(int fd, std::string_view text) { (void)!::write(fd, text.data(), text.size()); }

// Signals stay with the thread that works: a lock of ours must not be held when one ends us.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

bool has_status_terminal() {
  const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

Progress::Progress(Settings settings) : settings_(settings) {}

void Progress::start() {
  if (thread_.joinable()) return;
  const AllSignalsBlocked blocked;  // the thread inherits that
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Progress::~Progress() { end(); }

void Progress::begin(std::string text) {
  if (!settings_.shows) return;
  const std::scoped_lock lock(mutex_);
  clear();
  text_ = std::move(text);
  began_ = Clock::now();
  start();
  changed_.notify_one();
}

void Progress::update(std::string text) {
  if (!settings_.shows) return;
  const std::scoped_lock lock(mutex_);
  text_ = std::move(text);
}

void Progress::hide() {
  if (!settings_.shows) return;
  const std::scoped_lock lock(mutex_);
  clear();
}

void Progress::end() {
  if (!settings_.shows) return;
  {
    const std::scoped_lock lock(mutex_);
    clear();
    text_.clear();
  }
  thread_ = {};
}

void Progress::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (text_.empty()) {
      changed_.wait(lock, stop, [this] { return !text_.empty(); });
      continue;
    }
    const auto since = Clock::now() - began_;
    if (since >= settings_.after) show();
    const auto pause = since < settings_.after ? settings_.after - since : settings_.every;
    const auto began = began_;
    changed_.wait_for(lock, stop, pause, [&] { return text_.empty() || began_ != began; });
  }
}

void Progress::show() {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - began_);
  put(settings_.fd, fmt::format("{}{}, {} s", kEraseLine, printable(text_), seconds.count()));
  visible_ = true;
}

void Progress::clear() {
  if (visible_) put(settings_.fd, kEraseLine);
  visible_ = false;
}

}  // namespace jtrace::session
