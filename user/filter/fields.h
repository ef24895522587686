// SPDX-License-Identifier: Apache-2.0
// The values that an event has: the fields of its record, and what the kernel knows of the task.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/event_abi.h"
#include "event/format.h"
#include "event/tracepoint.h"

namespace jtrace::filter {

// One value, and how the kernel's own filter would take it.
struct Value {
  jt_value where{};
  bool is_text = false;
  // An argument of a system call is recorded as 8 unsigned bytes, whatever the call declares:
  // `dfd` of openat, an int, may be 0xffffff9c there. This is the declared one.
  std::optional<jt_value> declared = {};
  // The address of a string that lies elsewhere: comparable as a number, too.
  std::optional<jt_value> address = {};
  // A file descriptor: what it is open on.
  std::optional<jt_value> file = {};
};

// What a record is of: an event as it is; a system call at its end, whose record is a jt_call made
// by the kernel side (the format is that of its begin); the begin of what another event ends; a
// call that makes descriptors, which count where they are open at the end.
enum class RecordKind { Event, Call, Begin, Opening };

// The kernel's record and where its values are. Programs see less of it than perf writes.
class Fields {
 public:
  // `format` is null where there is no tracefs to read it in. `hides_kernel`: nothing that tells a
  // user where the kernel lies or what its memory holds; he could find it out by bisection.
  Fields(const event::Tracepoint& tracepoint, const event::Format* format,
         bool hides_kernel = false, RecordKind kind = RecordKind::Event);

  // The event's own fields come first, then the pseudo-fields, as in the kernel. The error says
  // why a program cannot have this one, or which there are; it is no whole line: see check.h.
  struct Request {
    std::string_view name;
    bool user_string = false;
    std::optional<std::uint64_t> index = {};
  };
  [[nodiscard]] Result<Value> find(const Request& request) const;

  // "fields: dfd, filename, flags, mode; of every event: comm, tid, ..."
  [[nodiscard]] std::string there_are() const;
  [[nodiscard]] std::uint32_t record_bytes() const { return record_bytes_; }
  [[nodiscard]] RecordKind kind() const { return kind_; }
  // Of sys_enter_openat and sys_exit_openat: "openat".
  [[nodiscard]] std::string_view call_name() const;
  [[nodiscard]] std::string display() const { return tracepoint_.display(); }

 private:
  [[nodiscard]] Result<Value> shown(const event::Field& field, Value value) const;
  [[nodiscard]] Result<Value> of_record(const event::Field& field, const Request& request) const;
  [[nodiscard]] Result<Value> common(const event::Field& field) const;
  [[nodiscard]] Result<Value> result(std::string_view name) const;
  [[nodiscard]] Result<Value> latency() const;
  [[nodiscard]] bool has_call() const {
    return kind_ == RecordKind::Call || kind_ == RecordKind::Opening;
  }
  [[nodiscard]] bool is_call() const { return tracepoint_.category == "syscalls"; }
  [[nodiscard]] bool is_visible(const event::Field& field) const;

  event::Tracepoint tracepoint_;
  const event::Format* format_;
  bool hides_kernel_;
  RecordKind kind_;
  std::uint32_t record_bytes_ = 0;
};

}  // namespace jtrace::filter
