// SPDX-License-Identifier: Apache-2.0
#include "filter/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/near_names.h"

namespace jtrace::filter {
namespace {

using event::Field;

// The kernel puts a pointer to registers where the common fields are, and fills these in after the
// programs have run (kernel/trace/trace_event_perf.c, perf_trace_run_bpf_submit).
constexpr std::uint32_t kCommonBytes = 8;

struct Pseudo {
  std::string_view name;
  jt_value_kind kind;
  std::uint8_t bytes;  // of a number
  bool listed = true;  // the others are the kernel's names for the same
};
constexpr std::array<Pseudo, 8> kPseudo{{{"comm", JT_VALUE_COMM, 0},
                                         {"tid", JT_VALUE_TID, 4},
                                         {"tgid", JT_VALUE_TGID, 4},
                                         {"uid", JT_VALUE_UID, 4},
                                         {"cgroup", JT_VALUE_CGROUP, 8},
                                         {"cpu", JT_VALUE_CPU, 4},
                                         {"COMM", JT_VALUE_COMM, 0, false},
                                         {"CPU", JT_VALUE_CPU, 4, false}}};

// What system calls declare their arguments to be. What is not here takes all 8 bytes.
struct Type {
  std::string_view name;
  std::uint8_t bytes;
  bool is_signed;
};
constexpr std::array<Type, 26> kTypes{
    {{"int", 4, true},          {"unsigned int", 4, false}, {"unsigned", 4, false},
     {"long", 8, true},         {"loff_t", 8, true},        {"off_t", 8, true},
     {"pid_t", 4, true},        {"uid_t", 4, false},        {"gid_t", 4, false},
     {"umode_t", 2, false},     {"mode_t", 2, false},       {"clockid_t", 4, true},
     {"timer_t", 4, true},      {"key_t", 4, true},         {"mqd_t", 4, true},
     {"key_serial_t", 4, true}, {"rwf_t", 4, true},         {"qid_t", 4, false},
     {"u32", 4, false},         {"__u32", 4, false},        {"s32", 4, true},
     {"__s32", 4, true},        {"u64", 8, false},          {"__u64", 8, false},
     {"s64", 8, true},          {"__s64", 8, true}}};

// What system calls call a file descriptor of theirs.
constexpr std::array<std::string_view, 15> kDescriptors{
    {"fd", "dfd", "olddfd", "newdfd", "oldfd", "fildes", "in_fd", "out_fd", "fd_in", "fd_out",
     "fdin", "fdout", "epfd", "ufd", "sockfd"}};

jt_value number(std::uint32_t offset, std::uint32_t bytes, bool is_signed) {
  jt_value value{};
  value.offset = offset;
  value.kind = JT_VALUE_RECORD;
  value.bytes = static_cast<std::uint8_t>(bytes);
  value.left = value.right = static_cast<std::uint8_t>(64 - 8 * bytes);
  value.is_signed = is_signed;
  return value;
}

jt_value of_kind(jt_value_kind kind, std::uint32_t offset = 0, std::uint32_t size = 0,
                 std::uint8_t bytes = 0) {
  jt_value value{};
  value.bytes = bytes;
  value.kind = static_cast<std::uint8_t>(kind);
  value.offset = offset;
  value.size = static_cast<std::uint16_t>(size);
  return value;
}

bool is_number_size(std::uint32_t bytes) {
  return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
}

// As the kernel decides it (filter_assign_type): "char" anywhere in the type of an array.
bool has_char(const std::string& type) { return type.find("char") != std::string::npos; }

std::unexpected<Error> not_there(std::string why, std::string hint = {}) {
  return std::unexpected(Error{Errc::Usage, std::move(why), std::move(hint)});
}

// The descriptor that a call made.
Value opened() {
  Value value{.where = number(offsetof(jt_call, fd), sizeof(jt_call::fd[0]), true)};
  value.file = value.where;
  value.file->kind = JT_VALUE_FD_PATH;
  return value;
}

std::optional<jt_value> declared_type(const Field& field) {
  std::string_view type = field.type;
  if (type.starts_with("const ")) type.remove_prefix(6);
  const auto* found = std::ranges::find(kTypes, type, &Type::name);
  if (found == kTypes.end()) return std::nullopt;
  return number(field.offset, found->bytes, found->is_signed);
}

}  // namespace

Fields::Fields(const event::Tracepoint& tracepoint, const event::Format* format, bool hides_kernel,
               RecordKind kind)
    : tracepoint_(tracepoint), format_(format), hides_kernel_(hides_kernel), kind_(kind) {
  if (has_call()) record_bytes_ = sizeof(jt_call);
  if (format == nullptr || has_call()) return;
  for (const Field& field : format->fields) {
    if (is_visible(field)) record_bytes_ = std::max(record_bytes_, field.offset + field.size);
  }
  record_bytes_ = std::min<std::uint32_t>(record_bytes_, JT_MAX_RECORD);
}

// Of a system call programs get the number and the arguments, or the result; strings that newer
// kernels add behind them are for perf alone (kernel/trace/trace_syscalls.c, perf_call_bpf_enter).
bool Fields::is_visible(const Field& field) const {
  return !is_call() || field.shape == Field::Shape::Scalar || field.shape == Field::Shape::Pointer;
}

Result<Value> Fields::common(const Field& field) const {
  if (field.name == "common_pid") return Value{.where = of_kind(JT_VALUE_TID, 0, 0, 4)};
  if (field.name == "common_type") {
    return Value{.where = of_kind(JT_VALUE_CONSTANT, tracepoint_.id, 0, 4)};
  }
  return not_there("the kernel fills it in after programs have run");
}

Result<Value> Fields::of_record(const Field& field, const Request& request) const {
  using Shape = Field::Shape;
  if (field.common || (!tracepoint_.is_raw() && field.offset < kCommonBytes)) return common(field);
  if (!is_visible(field)) return not_there("the kernel does not show it to programs");
  if (field.offset + field.size > record_bytes_)
    return not_there("the field lies outside of the record");
  const bool loc = field.shape == Shape::DataLoc || field.shape == Shape::RelLoc;
  const bool text = (loc || field.shape == Shape::Array) && has_char(field.type);
  if (request.index) {
    const std::uint32_t bytes = field.elements == 0 ? 0 : field.size / field.elements;
    if (field.shape != Shape::Array || !is_number_size(bytes)) {
      return not_there("the field is no array of numbers");
    }
    if (*request.index >= field.elements) {
      return not_there(fmt::format("the field has {} elements, from 0 on", field.elements));
    }
    const auto at = field.offset + static_cast<std::uint32_t>(*request.index) * bytes;
    return Value{.where = number(at, bytes, field.is_signed)};
  }
  if (text) {
    const jt_value_kind kind = field.shape == Shape::DataLoc  ? JT_VALUE_DATA_LOC
                               : field.shape == Shape::RelLoc ? JT_VALUE_REL_LOC
                                                              : JT_VALUE_ARRAY;
    return Value{.where = of_kind(kind, field.offset, field.size), .is_text = true};
  }
  if (loc || field.shape == Shape::Array || !is_number_size(field.size)) {
    return not_there(
        "neither a number nor a string",
        field.shape == Shape::Array ? "an element of it is " + field.name + "[0]" : "");
  }
  const jt_value recorded = number(field.offset, field.size, field.is_signed);
  const bool is_string = field.type == "char *" || field.type == "const char *";
  if (is_string && field.size == 8) {
    const bool user = is_call() || request.user_string;
    return Value{
        .where = of_kind(user ? JT_VALUE_USER_STRING : JT_VALUE_KERNEL_STRING, field.offset),
        .is_text = true,
        .address = recorded};
  }
  Value value{.where = recorded};
  if (is_call() && field.size == 8 && field.shape == Shape::Scalar) {
    value.declared = declared_type(field);
    const bool is_fd = std::ranges::find(kDescriptors, field.name) != kDescriptors.end();
    if (is_fd && value.declared && value.declared->bytes == 4) {
      value.file = value.declared;
      value.file->kind = JT_VALUE_FD_PATH;
    }
  }
  return value;
}

// Arguments and results of system calls are the process's own. Elsewhere eight bytes may be an
// address whatever their type is: call_site of kmem:kmalloc is an unsigned long.
Result<Value> Fields::shown(const Field& field, Value value) const {
  const bool address = value.where.kind == JT_VALUE_KERNEL_STRING || value.address ||
                       (value.where.kind == JT_VALUE_RECORD && value.where.bytes == 8);
  if (hides_kernel_ && !is_call() && !field.common && address) {
    return not_there(
        "it may tell where the kernel lies, and jtrace is lent to you",
        "numbers up to 4 bytes, strings in the record and system calls can be filtered");
  }
  return value;
}

// The result of a system call stands in the event of its end only.
Result<Value> Fields::result(std::string_view name) const {
  if (has_call()) {
    jt_value value = number(offsetof(jt_call, ret), sizeof(jt_call::ret), true);
    if (name == "errno") value.kind = JT_VALUE_ERRNO;
    return Value{.where = value};
  }
  const Field* ret = format_ != nullptr ? format_->find("ret") : nullptr;
  if (!is_call() || ret == nullptr || ret->size != 8) {
    std::string hint = "ret and errno are known where a system call ends: syscalls:sys_exit_*";
    if (is_call() && tracepoint_.name.starts_with("sys_enter_")) {
      hint = "it is known at the end: -t syscalls:sys_exit_" + tracepoint_.name.substr(10);
    }
    return not_there("the event has no result", std::move(hint));
  }
  jt_value value = number(ret->offset, ret->size, true);
  if (name == "errno") value.kind = JT_VALUE_ERRNO;
  return Value{.where = value};
}

Result<Value> Fields::latency() const {
  if (kind_ == RecordKind::Call) {
    return Value{.where = number(offsetof(jt_call, latency), sizeof(jt_call::latency), false)};
  }
  if (kind_ == RecordKind::Opening) {
    return not_there("what counts is a descriptor, not the call that made it",
                     "--min-age leaves out those that are younger, --weight age adds up");
  }
  if (kind_ == RecordKind::Begin) {
    return not_there("the stack is taken at the begin, where it is not known",
                     "--min-latency keeps what took longer");
  }
  return not_there("the event has no end that jtrace knows",
                   "system calls have one, and events called *_enter, *_begin or *_start");
}

Result<Value> Fields::find(const Request& request) const {
  const Field* field = format_ != nullptr ? format_->find(request.name) : nullptr;
  if (field != nullptr) {
    JT_TRY(Value value, of_record(*field, request));
    return shown(*field, std::move(value));
  }
  if (request.name == "ret" || request.name == "errno") return result(request.name);
  if (request.name == "latency") return latency();
  if (request.name == "opened" && kind_ == RecordKind::Opening) return opened();
  const auto* pseudo = std::ranges::find(kPseudo, request.name, &Pseudo::name);
  if (pseudo != kPseudo.end()) {
    if (request.index) return not_there("the field is no array of numbers");
    return Value{.where = of_kind(pseudo->kind, 0, 0, pseudo->bytes),
                 .is_text = pseudo->kind == JT_VALUE_COMM};
  }
  std::vector<std::string> names;
  for (const Pseudo& one : kPseudo) names.emplace_back(one.name);
  if (format_ != nullptr) {
    for (const Field& one : format_->fields) names.push_back(one.name);
  }
  std::string hint = did_you_mean(near_names(request.name, names));
  if (!hint.empty()) hint += " ";
  const std::string what = format_ == nullptr
                               ? "without a tracefs the fields of " + display() + " are not known"
                               : display() + " has no such field";
  return not_there(what, hint + there_are());
}

std::string_view Fields::call_name() const {
  const std::string_view name = tracepoint_.name;
  for (const std::string_view prefix : {"sys_enter_", "sys_exit_"}) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

std::string Fields::there_are() const {
  std::string own;
  if (format_ != nullptr) {
    for (const Field& field : format_->fields) {
      if (field.common || !is_visible(field) || field.name == "__syscall_nr") continue;
      own += (own.empty() ? "" : ", ") + field.name;
    }
    if (kind_ == RecordKind::Call)
      own += (own.empty() ? "" : ", ") + std::string("ret, errno, latency");
    if (kind_ == RecordKind::Opening) own += (own.empty() ? "" : ", ") + std::string("opened");
    if (is_call() && format_->find("ret") != nullptr) own += ", errno";
  }
  std::string all = own.empty() ? "" : "fields: " + own + "; ";
  all += "of every event:";
  for (const Pseudo& one : kPseudo) {
    if (one.listed) all += (all.ends_with(':') ? " " : ", ") + std::string(one.name);
  }
  return all;
}

}  // namespace jtrace::filter
