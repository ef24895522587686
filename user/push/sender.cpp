// SPDX-License-Identifier: Apache-2.0
#include "push/sender.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <span>
#include <utility>

#include "base/messages.h"
#include "push/spool.h"
#include "push/wire.h"

namespace jtrace::push {
namespace {

// Of windows on their way to a sender that does not take them: their memory counts as ours.
constexpr std::size_t kMostUnderWay = 64U << 20;

bool send_order(int socket, const Order& order, const UniqueFd* memory) {
  return send_message(socket, std::as_bytes(std::span(&order, 1)), memory);
}

}  // namespace

Result<Sender> Sender::start(const Settings& settings, const std::function<Status()>& confine) {
  JT_TRY(UniqueFd spool, open_spool(settings.spool, name_of(settings.to.backend)));
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(Errc::Internal, errno_text("start the sender of profiles: socketpair", errno));
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Errc::Internal, errno_text("start the sender of profiles: fork", errno));
  if (pid == 0) {
    ours.reset();
    run_sender(std::move(theirs), std::move(spool), settings, confine);
  }
  theirs.reset();
  Sender sender(std::move(ours), pid);
  JT_CHECK_OK(sender.wait_until_ready());
  return sender;
}

// So that no signal meets it unprepared, and nothing is traced for a sender that may not send.
Status Sender::wait_until_ready() {
  Answer first;
  ssize_t n = 0;
  do {
    n = ::recv(socket_.get(), &first, sizeof first, 0);
  } while (n < 0 && errno == EINTR);
  first.trouble.back() = 0;
  if (n != sizeof first) return fail(Errc::Internal, "start the sender of profiles: it ended");
  if (first.trouble.front() != 0) return fail(Errc::Internal, first.trouble.data());
  return {};
}

Sender::Sender(Sender&& other) noexcept
    : socket_(std::move(other.socket_)),
      pid_(std::exchange(other.pid_, -1)),
      last_(std::move(other.last_)),
      ended_(other.ended_),
      gone_(other.gone_),
      under_way_(std::move(other.under_way_)),
      bytes_under_way_(other.bytes_under_way_),
      not_handed_(other.not_handed_) {}

Sender::~Sender() {
  if (pid_ < 0) return;
  if (!gone_) (void)finish({});
  // Where it hangs, in a file system or stopped, it holds nobody up; what it took is on disk.
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool Sender::hand_over(std::string_view body) {
  while (receive()) {
  }
  if (gone_ || bytes_under_way_ + body.size() > kMostUnderWay) return false;
  const UniqueFd memory = in_memory("jtrace-window", body);
  return memory.valid() && send_order(socket_.get(), Order{}, &memory);
}

bool Sender::send(std::string_view body) {
  if (!hand_over(body)) {
    ++not_handed_;
    return false;
  }
  under_way_.push_back(body.size());
  bytes_under_way_ += body.size();
  return true;
}

bool Sender::authorize(std::string_view authorization) {
  const UniqueFd memory = in_memory("jtrace-authorization", authorization);
  return memory.valid() &&
         send_order(socket_.get(), Order{.kind = Order::Kind::Authorization}, &memory);
}

// False where there is nothing more for now.
bool Sender::receive() {
  Answer answer;
  const ssize_t n = ::recv(socket_.get(), &answer, sizeof answer, MSG_DONTWAIT);
  if (n < 0 && errno == EINTR) return true;
  if (n != sizeof answer) {
    gone_ |= n >= 0 || errno != EAGAIN;
    return false;
  }
  answer.trouble.back() = answer.refusal.back() = 0;
  for (auto taken = answer.counters.taken - last_.counters.taken; taken > 0 && !under_way_.empty();
       --taken) {
    bytes_under_way_ -= under_way_.front();
    under_way_.pop_front();
  }
  last_ = {.counters = answer.counters,
           .trouble = answer.trouble.data(),
           .refusal = answer.refusal.data(),
           .waits = answer.waits != 0,
           .denied = answer.denied != 0};
  ended_ = answer.last != 0;
  return true;
}

Report Sender::report() {
  while (receive()) {
  }
  Report now = last_;
  const std::uint64_t under_way = under_way_.size();
  now.counters.taken += under_way + not_handed_;
  now.counters.dropped += not_handed_ + (gone_ ? under_way : 0);
  now.counters.under_way = gone_ ? 0 : under_way;
  now.not_handed = not_handed_;
  now.gone = gone_ && !ended_;
  if (now.gone) now.trouble = "the sender of profiles is gone";
  return now;
}

Report Sender::finish(std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::seconds kToEnd{2};
  const auto order = Order{.kind = Order::Kind::Finish,
                           .patience_ms = static_cast<std::uint32_t>(patience.count())};
  const bool ordered = send_order(socket_.get(), order, nullptr);
  const auto end = Clock::now() + patience + kToEnd;
  while (ordered && !gone_ && Clock::now() < end) {
    pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    (void)::poll(&ready, 1, static_cast<int>(left.count()));
    while (receive()) {
    }
  }
  return report();
}

}  // namespace jtrace::push
