// SPDX-License-Identifier: Apache-2.0
#include "unwind/walker.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "bpf/walk.h"

namespace {

// What bpf/walk.h asks of its surroundings, over tables and a stack copy in our own memory.
struct jt_env {
  jt_walk* walk;
  const jtrace::unwind::WalkTables* tables;
  const jtrace::unwind::WalkInput* input;
  const jtrace::process::MemoryReader* memory;
  bool cut;  // a word outside the copy was needed
};
using jt_env_t = jt_env*;

jt_walk* jt_walk_of(jt_env_t env) { return env->walk; }

// Whether the copy lacks a page that [address, address + bytes) touches.
bool touches_absent(const jtrace::unwind::WalkInput& input, std::uint64_t address,
                    std::size_t bytes) {
  constexpr std::uint64_t kPage = 4096;
  const std::uint64_t first = input.regs.sp / kPage;
  for (std::uint64_t page = address / kPage; page <= (address + bytes - 1) / kPage; ++page) {
    const std::uint64_t bit = page - first;
    if (bit < 32 && ((input.absent_pages >> bit) & 1U) != 0) return true;
  }
  return false;
}

int jt_read(jt_env_t env, void* into, std::size_t bytes, std::uint64_t address) {
  const auto& input = *env->input;
  auto target = std::span(static_cast<std::byte*>(into), bytes);
  if (target.empty()) return 0;
  // A read may begin below sp, where nothing is alive: a step takes several words at once.
  if (const std::uint64_t below = input.regs.sp - address; below != 0 && below < bytes) {
    std::ranges::fill(target.first(below), std::byte{0});
    target = target.subspan(below);
    address = input.regs.sp;
  }
  // What the copy does not hold (the rest of a large stack, the one that a signal on an alternate
  // stack interrupted) has changed since: not to be read.
  const std::uint64_t offset = address - input.regs.sp;
  if (target.size() > input.stack.size() || offset > input.stack.size() - target.size()) {
    env->cut = true;
    return -1;
  }
  if (touches_absent(input, address, target.size())) return -1;
  std::ranges::copy(input.stack.subspan(offset, target.size()), target.begin());
  return 0;
}

int jt_read_stack(jt_env_t env, std::size_t bytes, std::uint64_t address) {
  return jt_read(env, env->walk->buf, bytes, address);
}

int jt_read_code(jt_env_t env, void* into, std::size_t bytes, std::uint64_t address) {
  const auto target = std::span(static_cast<std::byte*>(into), bytes);
  return env->memory->read(jtrace::ProcessAddr{address}, target) ? 0 : -1;
}

using jt_stack_t = const void*;

jt_stack_t jt_stack(jt_env_t /*env*/) { return nullptr; }

int jt_stack_word(jt_env_t env, const jt_walk* /*w*/, jt_stack_t /*stack*/, std::uint64_t address,
                  __u64* value) {
  return jt_read(env, value, sizeof(*value), address);
}

template <class T>
const T* at(std::span<const T> values, std::uint32_t i) {
  return i < values.size() ? &values[i] : nullptr;
}

const jt_range* jt_range_at(jt_env_t env, std::uint32_t i) { return at(env->tables->ranges, i); }
const jt_row* jt_row_at(jt_env_t env, std::uint32_t i) { return at(env->tables->rows, i); }
const jt_rule* jt_rule_at(jt_env_t env, std::uint32_t i) { return at(env->tables->rules, i); }
const jt_hotspot* jt_jvm_at(jt_env_t env, std::uint32_t i) { return at(env->tables->jvms, i); }

jt_known_pc* jt_known_pc_at(jt_env_t env, const jt_walk*, std::uint64_t pc) {
  const std::uint32_t count = env->tables->known_count;
  return count == 0 ? nullptr : env->tables->known + pc % count;
}

// The thread has gone on since: what its anchor said at the event is not known any more.
std::uint64_t jt_java_thread(jt_env_t /*env*/, std::uint32_t /*tid*/) { return 0; }
void jt_keep_java_thread(jt_env_t /*env*/, std::uint32_t /*tid*/, std::uint64_t /*address*/) {}
void jt_drop_java_thread(jt_env_t /*env*/, std::uint32_t /*tid*/) {}
// It waits no more.
const jt_maker* jt_maker_of(jt_env_t /*env*/, std::uint32_t /*tid*/) { return nullptr; }

std::uint64_t jt_load64(const void* from) {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

std::uint32_t jt_load32(const void* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <class T>
void jt_opaque(const T& /*value*/) {}

void jt_cost(jt_counter /*counter*/, std::uint64_t /*n*/) {}

#define JT_INLINE inline
#define JT_WALK_FN static
// The walker is C in kernel style; our warnings are for C++.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include "bpf/walk_step.h"
#pragma GCC diagnostic pop

}  // namespace

namespace jtrace::unwind {

WalkInput walk_input(const jt_deferred_record& record) {
  const std::size_t bytes = std::min<std::size_t>(record.stack_bytes, JT_DEFER_BYTES);
  return {.regs = record.regs,
          .exact = record.head.exact != 0,
          .stack = std::as_bytes(std::span(record.stack, bytes)),
          .absent_pages = record.absent};
}

WalkResult walk(const WalkTables& tables, const WalkInput& input,
                const process::MemoryReader& memory, std::uint32_t max_frames) {
  const auto state = std::make_unique<jt_walk>();
  state->regs = input.regs;
  state->first = input.regs;
  state->exact = input.exact;
  state->fp_known = 1;
  state->bx_known = 1;
  state->max_frames = max_frames;
  state->range = JT_NO_RANGE;
  state->epoch = JT_ASK_EPOCH;
  state->target.ranges = static_cast<std::uint32_t>(tables.ranges.size());
  state->target.jvm = tables.jvm;
  jt_env env{state.get(), &tables, &input, &memory, false};
  // Every step adds a frame or ends the walk, but for a signal frame on another stack.
  for (std::uint32_t i = 0; i <= max_frames; ++i) {
    if (jt_step(&env) != JT_GO_ON) break;
  }
  const auto& key = state->record.key;
  auto status = static_cast<jt_status>(key.status);
  if (status == JT_STATUS_READ_FAULT && env.cut) status = JT_STATUS_DEFER_CUT;
  return {.frames = {state->record.frame, state->record.frame + key.frames},
          .status = status,
          .end = state->record.end};
}

}  // namespace jtrace::unwind
