// SPDX-License-Identifier: Apache-2.0
// Who answers browsers and Prometheus is a process of its own: the one that traces may open no
// socket, and waits for no visitor.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "serve/address.h"
#include "serve/windows.h"

namespace jtrace::serve {

struct Settings {
  std::optional<Address> metrics;  // /metrics alone
  std::optional<Address> pages;    // all there is
  std::string token;               // empty: none is asked for, on loopback addresses only
  std::size_t most_windows = 1440;
  std::size_t most_bytes = 64U << 20;         // of windows
  std::size_t most_reply_bytes = 256U << 20;  // on their way to visitors
  std::size_t most_connections = 64;
  std::chrono::milliseconds to_ask{10'000};   // for a whole request
  std::chrono::milliseconds to_take{60'000};  // for a whole answer
};

// Of finished windows: published = taken + lost + under way; taken = windows + dropped.
struct Counters {
  std::uint64_t published = 0;  // windows given to publish_window()
  std::uint64_t taken = 0;
  std::uint64_t dropped = 0;  // for newer ones, or larger than all the room
  std::uint64_t lost = 0;     // not handed over: the server is behind, or gone
  std::uint64_t under_way = 0;
  std::uint64_t windows = 0;  // to be looked at
  std::uint64_t bytes = 0;
  bool gone = false;
};

// Errc::Usage for an address that others reach, where no token is asked for.
[[nodiscard]] Status check_reach(const Settings& settings);

// Whether one could listen there: it is done, and ended at once.
enum class Use { Free, Taken };
[[nodiscard]] Result<Use> look_at_address(const char* option, const Address& address);

// The handle of the process that traces.
class Server {
 public:
  // Forks: to be called by a process with one thread, before it opens what the server is not to
  // have and before it gives up its rights. `confine` is what the server gives up before anybody
  // can ask it. Checks its reach.
  [[nodiscard]] static Result<Server> start(Settings settings,
                                            const std::function<Status()>& confine);
  Server(Server&& other) noexcept;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  Server& operator=(Server&&) = delete;
  ~Server();

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Empty where there is none.
  [[nodiscard]] const std::string& metrics_url() const { return metrics_url_; }
  [[nodiscard]] const std::string& pages_url() const { return pages_url_; }

  // Never wait. The last metrics count; false where they were not handed over.
  bool publish_metrics(std::string_view text);
  // `json`: a finished window in jtrace's own format; its id is the server's to give. The one that
  // went on is gone then.
  bool publish_window(const Window& window, std::string_view json);
  // The window that goes on: takes the place of what it was before. Not where the server is behind.
  bool publish_live(const Window& window, std::string_view json);

  // Somebody looks at the window that goes on: becomes readable. -1 where nobody can any more.
  [[nodiscard]] int watch_fd() const { return watch_.get(); }
  // Whether somebody has since the last time.
  bool watched();

  // At its end when the server is gone.
  [[nodiscard]] int fd() const { return socket_.get(); }
  // As far as the server has told.
  [[nodiscard]] Counters counters();

 private:
  Server(UniqueFd socket, UniqueFd watch, pid_t pid)
      : socket_(std::move(socket)), watch_(std::move(watch)), pid_(pid) {}
  [[nodiscard]] Status wait_until_ready();
  bool hand_over(std::uint64_t kind, const Window& window, std::string_view bytes);
  bool receive();

  UniqueFd socket_;
  UniqueFd
      watch_;  // a pipe of which this end is ours alone: the server can make it wait for us only
  pid_t pid_ = -1;
  std::string metrics_url_;
  std::string pages_url_;
  Counters last_;  // as the server sees it
  std::uint64_t answered_ = 0;
  std::deque<std::size_t> under_way_;  // bytes of what it has not taken yet
  std::size_t bytes_under_way_ = 0;
};

}  // namespace jtrace::serve
