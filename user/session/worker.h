// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/unique_fd.h"

namespace jtrace::session {

// A thread that makes a Done of each Given, in the order of give().
template <class Given, class Done>
class Worker {
 public:
  explicit Worker(std::function<Done(Given)> work)
      : work_(std::move(work)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    thread_.request_stop();
    thread_.join();
  }

  void give(Given given) {
    {
      const std::scoped_lock lock(mutex_);
      given_.push_back(std::move(given));
    }
    changed_.notify_all();
  }
  // What is not done yet. Who gives more than it takes has to wait.
  [[nodiscard]] std::size_t waiting() const {
    const std::scoped_lock lock(mutex_);
    return given_.size() + (busy_ ? 1 : 0);
  }
  [[nodiscard]] std::optional<Done> take() {
    const std::scoped_lock lock(mutex_);
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof(count));
    if (done_.empty()) return std::nullopt;
    Done first = std::move(done_.front());
    done_.pop_front();
    return first;
  }
  // As take(), and waits for it; nullopt where there are no more.
  [[nodiscard]] std::optional<Done> take_last() {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !done_.empty() || (given_.empty() && !busy_); });
    }
    return take();
  }
  // Becomes readable when there is something to be taken.
  [[nodiscard]] int wake_fd() const { return wake_.get(); }

 private:
  void run(const std::stop_token& stop) {
    // Who traces is in a hurry (Hurry), and a thread has that of its maker: this one is not.
    ::setpriority(PRIO_PROCESS, 0, 0);
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !given_.empty(); })) {
      Given given = std::move(given_.front());
      given_.pop_front();
      busy_ = true;
      lock.unlock();
      Done done = work_(std::move(given));
      lock.lock();
      done_.push_back(std::move(done));
      busy_ = false;
      const std::uint64_t one = 1;
      (void)!::write(wake_.get(), &one, sizeof(one));
      changed_.notify_all();
    }
  }

  const std::function<Done(Given)> work_;
  UniqueFd wake_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Given> given_;
  std::deque<Done> done_;
  bool busy_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace jtrace::session
