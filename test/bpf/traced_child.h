// SPDX-License-Identifier: Apache-2.0
// A process to be traced: does one thing at a time when told to, and says what it did.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "base/unique_fd.h"

namespace jtrace::test {

// pc behind a system call and the return addresses above it, leaf first.
using Trace = std::vector<std::uint64_t>;

// The child's side of the pipes. It leaves when the parent is gone.
class ToParent {
 public:
  ToParent(UniqueFd in, UniqueFd out) : in_(std::move(in)), out_(std::move(out)) {}

  void wait() const;
  void send(std::span<const std::byte> bytes) const;
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void send(const T& value) const {
    send(std::as_bytes(std::span(&value, 1)));
  }
  void send(const Trace& trace) const;

 private:
  UniqueFd in_;
  UniqueFd out_;
};

class TracedChild {
 public:
  using Body = std::function<void(const ToParent&)>;
  explicit TracedChild(const Body& body);
  TracedChild(const TracedChild&) = delete;
  TracedChild& operator=(const TracedChild&) = delete;
  ~TracedChild();

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Ends one wait() of the child.
  void go() const;
  template <class T>
  [[nodiscard]] T receive() const {
    T value{};
    receive(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  [[nodiscard]] Trace receive_trace() const;
  [[nodiscard]] Trace go_and_receive_trace() const {
    go();
    return receive_trace();
  }
  // Waits until it has ended.
  void join();

 private:
  void receive(std::span<std::byte> into) const;

  pid_t pid_ = 0;
  UniqueFd to_child_;
  UniqueFd from_child_;
};

// The system call `number`, `times` over at one instruction, `depth` calls below.
[[nodiscard]] Trace call_at_depth(long number, int depth, int times = 1);

// The same with frame pointers all the way from the function that calls this.
[[nodiscard]] Trace call_with_frame_pointers(long number);

// The same in a signal handler on an alternate stack.
[[nodiscard]] Trace call_in_signal_handler(long number);

// Where code put at `page` by put_code() makes getppid, and what return addresses are above it but
// that of the call itself.
void put_code(void* page);
[[nodiscard]] Trace call_code(void* page);

// The same in a new thread, below a frame of `bytes` that are not touched.
[[nodiscard]] Trace call_code_below_gap(void* page, std::size_t bytes);

}  // namespace jtrace::test
