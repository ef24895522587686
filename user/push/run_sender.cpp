// SPDX-License-Identifier: Apache-2.0
// The process that sends: takes windows into the spool at once, whatever the backend does, and
// sends the oldest, one at a time.
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <utility>

#include "base/messages.h"
#include "push/http.h"
#include "push/spool.h"
#include "push/wire.h"

namespace jtrace::push {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

void put(std::array<char, 256>& to, std::string_view text) {
  std::ranges::copy(text.substr(0, to.size() - 1), to.begin());
}

void say(int socket, const Answer& answer, int flags) {
  (void)!::send(socket, &answer, sizeof answer, MSG_NOSIGNAL | flags);
}

class Loop {
 public:
  Loop(int socket, Spool spool, const Settings& settings)
      : socket_(socket),
        settings_(settings),
        authorization_(settings.authorization),
        spool_(std::move(spool)),
        multi_(curl().multi_init(), curl().multi_cleanup) {
    counters_.left = spool_.windows() + spool_.dropped();
  }

  void run() {
    while (!done()) {
      begin_next();
      tell(MSG_DONTWAIT);  // a tracer that is behind gets a later one
      wait();
      take_orders();
      perform();
    }
    if (post_) curl().multi_remove_handle(multi_.get(), post_->handle());
    tell(closed_ ? MSG_DONTWAIT : 0, true);
  }

 private:
  // Where the tracer is gone, what waits is on disk. Where it waits for us, a try that failed is
  // the last one: it has been waited for before.
  [[nodiscard]] bool done() const {
    if (closed_) return true;
    return end_ && (failed_ || spool_.windows() == 0 || std::max(Clock::now(), due_) >= *end_);
  }

  void begin_next() {
    if (post_ || Clock::now() < due_) return;
    auto body = spool_.front();
    if (!body) return;
    if (tries_ > 0) ++counters_.retried;
    authorized_ = true;
    post_ =
        std::make_unique<Post>(settings_.to, authorization_, std::move(*body), settings_.limits);
    curl().multi_add_handle(multi_.get(), post_->handle());
    perform();
  }

  void tell(int flags, bool last = false) {
    counters_.dropped = spool_.dropped();
    counters_.waiting = spool_.windows();
    counters_.spool_bytes = spool_.bytes();
    Answer answer{.counters = counters_,
                  .last = last ? 1U : 0U,
                  .waits = waits_ ? 1U : 0U,
                  .denied = denied_ ? 1U : 0U};
    put(answer.trouble, trouble_);
    put(answer.refusal, refusal_);
    say(socket_, answer, flags);
  }

  void wait() {
    if (done()) return;
    auto next = Clock::now() + std::chrono::hours(1);
    if (!post_ && spool_.windows() > 0) next = due_;
    if (end_) next = std::min(next, *end_);
    const auto left = std::chrono::ceil<milliseconds>(next - Clock::now());
    curl_waitfd socket{.fd = socket_, .events = CURL_WAIT_POLLIN, .revents = 0};
    curl().multi_poll(multi_.get(), &socket, 1, static_cast<int>(std::max(left, {}).count()),
                      nullptr);
  }

  void take_orders() {
    while (!closed_) {
      Order order;
      const Received got = receive_message(socket_, std::as_writable_bytes(std::span(&order, 1)));
      if (got.size < 0 && errno == EAGAIN) return;
      closed_ = got.size != sizeof order;
      if (closed_) return;
      if (order.kind == Order::Kind::Finish) {
        end_ = Clock::now() + milliseconds(order.patience_ms);
        if (!asked_to_wait_) due_ = {};
        failed_ = false;
      } else if (order.kind == Order::Kind::Authorization) {
        take_authorization(got.memory);
      } else if (got.memory.valid()) {
        take_window(got.memory);
      }
    }
  }

  void take_window(const UniqueFd& memory) {
    ++counters_.taken;
    const auto body = read_memory(memory, "window", settings_.spool_limit);
    if (!body) spool_.lose();
    const bool kept = body && spool_.add(*body);
    if (!kept && !waits_) trouble_ = "a window found no room in the spool";
  }

  // What was denied for the last one is tried with this one at once.
  void take_authorization(const UniqueFd& memory) {
    constexpr std::size_t kLargest = 32 * 1024;
    auto text = read_memory(memory, "authorization", kLargest);
    if (!text) return;
    authorization_ = std::move(*text);
    authorized_ = false;
    if (denied_) due_ = {};
  }

  void perform() {
    int running = 0;
    curl().multi_perform(multi_.get(), &running);
    int more = 0;
    while (const CURLMsg* message = curl().multi_info_read(multi_.get(), &more)) {
      if (message->msg == CURLMSG_DONE && post_) finished(message->data.result);
    }
  }

  void finished(CURLcode end) {
    const Reply reply = post_->reply(end);
    curl().multi_remove_handle(multi_.get(), post_->handle());
    const std::size_t bytes = post_->bytes();
    post_.reset();
    const Outcome outcome = outcome_of(reply, settings_.to.backend);
    failed_ = outcome != Outcome::Delivered;
    trouble_ = failed_ ? text_of(reply) : std::string();
    denied_ = outcome == Outcome::Denied;
    waits_ = denied_ || outcome == Outcome::TryAgain;
    if (waits_) {
      spool_.release();
      asked_to_wait_ = reply.retry_after.count() > 0;
      due_ = Clock::now() +
             std::max<milliseconds>(denied_ ? part_of(settings_.longest_pause) : pause(),
                                    reply.retry_after);
      // Another token came while this one was on its way.
      if (denied_ && !authorized_) due_ = {};
      ++tries_;
      return;
    }
    spool_.pop();
    tries_ = 0;
    if (outcome == Outcome::Refused) {
      ++counters_.refused;
      refusal_ = trouble_;
      failed_ = false;  // the next one may be taken
    } else {
      ++counters_.sent;
      counters_.sent_bytes += bytes;
    }
  }

  // Doubled with each try; half of it by chance, so that many hosts do not come back at once.
  [[nodiscard]] milliseconds pause() {
    constexpr unsigned kMostDoublings = 20;
    const auto whole = std::min<milliseconds>(
        settings_.first_pause * (1U << std::min(tries_, kMostDoublings)), settings_.longest_pause);
    return part_of(whole);
  }
  [[nodiscard]] milliseconds part_of(milliseconds whole) {
    std::uniform_int_distribution<std::int64_t> part(whole.count() / 2, whole.count());
    return milliseconds(part(chance_));
  }

  int socket_;
  const Settings& settings_;
  std::string authorization_;
  bool authorized_ = false;  // the last try was with that
  Spool spool_;
  std::unique_ptr<CURLM, decltype(&::curl_multi_cleanup)> multi_;
  std::unique_ptr<Post> post_;  // the one that is being sent
  std::minstd_rand chance_{std::random_device()()};
  Counters counters_;
  std::string trouble_;
  std::string refusal_;
  bool waits_ = false;
  bool denied_ = false;
  unsigned tries_ = 0;  // of the oldest
  Clock::time_point due_;
  bool asked_to_wait_ = false;
  std::optional<Clock::time_point> end_;  // Finish was ordered
  bool failed_ = false;
  bool closed_ = false;
};

}  // namespace

void run_sender(UniqueFd socket, UniqueFd spool, const Settings& settings,
                const std::function<Status()>& confine) {
  // Ctrl-C and systemd's signals come to all of us; when to end, the tracer says.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  ::prctl(PR_SET_NAME, "jtrace-sender");
  keep_open(std::array{socket.get(), spool.get()});
  curl().global_init(CURL_GLOBAL_DEFAULT);
  if (const auto confined = confine(); !confined) {
    Answer answer;
    put(answer.trouble, confined.error().message);
    say(socket.get(), answer, 0);
    ::_exit(1);
  }
  say(socket.get(), {}, 0);  // ready
  Loop(socket.get(), Spool(std::move(spool), settings.spool_limit), settings).run();
  ::_exit(0);
}

}  // namespace jtrace::push
