// SPDX-License-Identifier: Apache-2.0
#include "filter/evaluator.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace {

using jtrace::filter::Event;
using jtrace::filter::Outcome;
using jtrace::filter::Program;

// The record lies here, so that its addresses are no user's.
constexpr std::uint64_t kRecord = 0xffff'8880'0000'0000;

struct jt_env {
  const Program& program;
  const Event& event;
  jt_fields* fields;
  Outcome outcome;
};
using jt_env_t = jt_env*;

// Of jtrace_abi.h, which is not this room's.
constexpr int JT_COUNTER_FILTER_UNREADABLE = 0;
constexpr int JT_COUNTER_FILTER_TOO_LONG = 1;

constexpr bool jt_filters(jt_env_t /*env*/) { return true; }

jt_fields* jt_fields_of(jt_env_t env) { return env->fields; }

const jt_event_spec* jt_spec_at(jt_env_t env, std::uint32_t) { return &env->program.spec; }

const jt_pattern* jt_pattern_at(jt_env_t env, std::uint32_t i) {
  return i < env->program.patterns.size() ? &env->program.patterns[i] : nullptr;
}

int jt_kernel_bytes(jt_env_t env, void* into, std::size_t bytes, std::uint64_t address) {
  const auto record = env->event.record;
  const std::uint64_t at = address - kRecord;
  if (at > record.size() || bytes > record.size() - at) return -1;
  std::memcpy(into, record.data() + at, bytes);
  return 0;
}

// As strncpy_from_user_nofault and its sister for the kernel: the 0 counts and is always there.
long copy_text(char* into, std::size_t bytes, std::string_view text) {
  if (bytes == 0) return 0;
  text = text.substr(0, std::min(bytes - 1, text.find('\0')));
  std::memcpy(into, text.data(), text.size());
  into[text.size()] = 0;
  return static_cast<long>(text.size() + 1);
}

long text_at(const std::map<std::uint64_t, std::string>& strings, char* into, std::size_t bytes,
             std::uint64_t address) {
  const auto found = strings.find(address);
  return found == strings.end() ? -1 : copy_text(into, bytes, found->second);
}

long jt_kernel_text(jt_env_t env, char* into, std::size_t bytes, std::uint64_t address) {
  const auto record = env->event.record;
  const std::uint64_t at = address - kRecord;
  if (at >= record.size()) return text_at(env->event.kernel_strings, into, bytes, address);
  return copy_text(into, bytes,
                   {reinterpret_cast<const char*>(record.data()) + at, record.size() - at});
}

long jt_user_text(jt_env_t env, char* into, std::size_t bytes, std::uint64_t address) {
  return text_at(env->event.user_strings, into, bytes, address);
}

int jt_task_name(jt_env_t env, char* into, std::size_t bytes) {
  std::memset(into, 0, bytes);
  copy_text(into, bytes, env->event.comm);
  return 0;
}

std::uint64_t jt_task_number(jt_env_t env, std::uint32_t kind) {
  switch (kind) {
    case JT_VALUE_TID:
      return env->event.tid;
    case JT_VALUE_TGID:
      return env->event.tgid;
    case JT_VALUE_UID:
      return env->event.uid;
    case JT_VALUE_CGROUP:
      return env->event.cgroup;
    case JT_VALUE_CPU:
      return env->event.cpu;
    default:
      return 0;
  }
}

void jt_not_compared(jt_env_t env, int counter) {
  ++(counter == JT_COUNTER_FILTER_UNREADABLE ? env->outcome.unreadable : env->outcome.too_long);
}

}  // namespace

#define jt_opaque(value) (void)(value)
#define JT_INLINE inline
#define JT_FILTER_FN static

// C of the kernel side, by its own rules.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wunused-function"
#include "bpf/event_filter.h"
#pragma GCC diagnostic pop

namespace jtrace::filter {

Outcome evaluate(const Program& program, const Event& event) {
  const auto fields = std::make_unique<jt_fields>();
  jt_env env{.program = program, .event = event, .fields = fields.get(), .outcome = {}};
  fields->record = kRecord;
  env.outcome.passes = jt_passes(&env, 0) != 0;
  return env.outcome;
}

}  // namespace jtrace::filter
