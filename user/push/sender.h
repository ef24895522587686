// SPDX-License-Identifier: Apache-2.0
// Who sends profiles is a process of its own: the one that traces may open no socket, and must not
// wait for a backend.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "push/destination.h"
#include "push/http.h"

namespace jtrace::push {

struct Settings {
  Destination to;
  std::string authorization;
  std::string spool;  // folder that holds a folder for each kind of backend
  std::uint64_t spool_limit = 256U << 20;
  Limits limits = {};
  std::chrono::milliseconds first_pause{1'000};  // doubled with each try, up to
  std::chrono::milliseconds longest_pause{300'000};
};

// taken + left = sent + refused + dropped + waiting + under way.
struct Counters {
  std::uint64_t taken = 0;  // windows given to send()
  std::uint64_t left = 0;   // that an earlier run left in the spool
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;  // the backend will not have them
  std::uint64_t dropped = 0;  // no room for them, or not readable any more
  std::uint64_t retried = 0;  // tries after the first
  std::uint64_t sent_bytes = 0;
  std::uint64_t waiting = 0;  // in the spool
  std::uint64_t spool_bytes = 0;
  std::uint64_t under_way = 0;  // to the sender
};

struct Report {
  Counters counters;
  std::string trouble{};         // why the last try failed; empty: it did not
  std::string refusal{};         // why the backend refused the last one that it refused for good
  bool waits = false;            // the last try failed, and is made again
  bool denied = false;           // ... for its token
  bool gone = false;             // the sender ended before it was told to
  std::uint64_t not_handed = 0;  // of dropped: the sender is behind, or gone
};

// The handle of the process that traces.
class Sender {
 public:
  // Forks: to be called by a process with one thread, before it opens what the sender is not to
  // have and before it gives up its rights. `confine` is what the sender gives up before it talks
  // to anybody.
  [[nodiscard]] static Result<Sender> start(const Settings& settings,
                                            const std::function<Status()>& confine);
  Sender(Sender&& other) noexcept;
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  Sender& operator=(Sender&&) = delete;
  ~Sender();

  [[nodiscard]] pid_t pid() const { return pid_; }

  // A finished body (push/body.h). Never waits; false where it had to be dropped, which is counted.
  bool send(std::string_view body);

  // What goes into the header Authorization from now on. Never waits; false where it was not handed
  // over.
  bool authorize(std::string_view authorization);

  // As far as the sender has told; never waits.
  [[nodiscard]] Report report();
  // Readable when it has told something, at its end when it is gone.
  [[nodiscard]] int fd() const { return socket_.get(); }

  // Has the sender send what waits until a try fails, for at most so long, and end. What waits then
  // stays in the spool for the next run.
  [[nodiscard]] Report finish(std::chrono::milliseconds patience);

 private:
  Sender(UniqueFd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}
  [[nodiscard]] Status wait_until_ready();
  bool hand_over(std::string_view body);
  bool receive();

  UniqueFd socket_;
  pid_t pid_ = -1;
  Report last_;         // as the sender sees it
  bool ended_ = false;  // by itself
  bool gone_ = false;
  std::deque<std::size_t> under_way_;  // bytes of windows that it has not taken yet
  std::size_t bytes_under_way_ = 0;
  std::uint64_t not_handed_ = 0;
};

}  // namespace jtrace::push
