// SPDX-License-Identifier: Apache-2.0
#include "capture/target_table.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <optional>
#include <string>

namespace jtrace::capture {
namespace {

// Births are times since boot in nanoseconds, beyond any process number.
RangeSlots::Owner owner_of(Life life) {
  return life.birth > 1 ? life.birth : static_cast<RangeSlots::Owner>(life.tgid);
}

}  // namespace

TargetTable::TargetTable(const Maps& maps, bool asks)
    : maps_(maps), slots_(bpf_map__max_entries(maps.ranges)), asks_(asks) {}

std::optional<jt_target> TargetTable::find(pid_t tgid) const {
  const auto key = static_cast<std::uint32_t>(tgid);
  jt_target value{};
  if (bpf_map__lookup_elem(maps_.targets, &key, sizeof(key), &value, sizeof(value), 0)) {
    return std::nullopt;
  }
  return value;
}

Status TargetTable::put(pid_t tgid, const jt_target& target) const {
  const auto key = static_cast<std::uint32_t>(tgid);
  // What changed before we looked, for a JVM that is just starting: anything may.
  const jt_dirty clean{.seq = 0, .pad = 0, .lo = 0, .hi = ~0ULL};
  // Only the first time: afterwards BPF owns it.
  if (bpf_map__update_elem(maps_.dirty, &key, sizeof(key), &clean, sizeof(clean), BPF_NOEXIST) !=
          0 &&
      errno != EEXIST) {
    return fail(Errc::Internal, errno_text("add target", errno));
  }
  // Before, too: its ranges may lie where another process had its own until now.
  *maps_.tables = *maps_.tables + 1;
  if (bpf_map__update_elem(maps_.targets, &key, sizeof(key), &target, sizeof(target), BPF_ANY) !=
      0) {
    return fail(Errc::Internal, errno_text("add target", errno));
  }
  *maps_.tables = *maps_.tables + 1;
  return {};
}

Status TargetTable::set(Life life, std::span<const jt_range> ranges, jt_target target) {
  const auto [tgid, birth] = life;
  const auto owner = owner_of(life);
  // One that jt_fork has removed stays so: the number is another process's.
  const auto now = find(tgid);
  const bool first = birth == 0 && !set_.contains(owner);
  if (now ? now->birth != birth : !first) return {};
  if (ranges.size() > JT_MAX_RANGES) {
    return fail(Errc::Internal,
                "process has more than " + std::to_string(JT_MAX_RANGES) + " executable ranges");
  }
  const auto first_slot = slots_.take(owner, static_cast<std::uint32_t>(ranges.size()));
  if (!first_slot) {
    return fail(Errc::Internal, "the processes have more than " +
                                    std::to_string(bpf_map__max_entries(maps_.ranges)) +
                                    " executable ranges in all");
  }
  target.first_range = *first_slot;
  target.ranges = static_cast<std::uint32_t>(ranges.size());
  std::uint32_t index = *first_slot;
  for (const jt_range& range : ranges) {
    if (bpf_map__update_elem(maps_.ranges, &index, sizeof(index), &range, sizeof(range), BPF_ANY)) {
      return fail(Errc::Internal, errno_text("write ranges", errno));
    }
    ++index;
  }
  target.birth = birth;
  target.space = static_cast<std::uint32_t>(tgid);
  target.announced = 1;
  if (first && asks_) target.state = JT_TARGET_ASK;
  if (now) {
    target.state = now->state;
    target.followed = now->followed;
    target.lent = now->lent;
  }
  set_.insert(owner);
  return put(tgid, target);
}

void TargetTable::remove(Life life) {
  // Not where the number is another's already.
  if (const auto now = find(life.tgid); !now || now->birth != life.birth) return;
  const auto key = static_cast<std::uint32_t>(life.tgid);
  bpf_map__delete_elem(maps_.targets, &key, sizeof(key), 0);
  bpf_map__delete_elem(maps_.dirty, &key, sizeof(key), 0);
}

void TargetTable::give_back_ranges(Life life) {
  slots_.give_back(owner_of(life));
  set_.erase(owner_of(life));
}

Status TargetTable::hold(pid_t tgid) {
  jt_target target{};
  target.clean_seq = ~0U;
  target.code_lo = 1;
  target.birth = 1;  // of a process that is there, told from those that began before
  target.space = static_cast<std::uint32_t>(tgid);
  target.state = JT_TARGET_HELD;
  return put(tgid, target);
}

Status TargetTable::exclude(Life life) {
  if (const auto now = find(life.tgid); now && now->birth != life.birth) return {};
  jt_target target{};
  target.birth = life.birth;
  target.state = JT_TARGET_NEVER;
  return put(life.tgid, target);
}

Status TargetTable::ask(pid_t tgid) {
  jt_target target{};
  target.clean_seq = ~0U;
  target.code_lo = 1;
  target.birth = 1;
  target.space = static_cast<std::uint32_t>(tgid);
  target.state = JT_TARGET_ASK;
  return put(tgid, target);
}

std::uint32_t TargetTable::changes(pid_t tgid) const {
  const auto key = static_cast<std::uint32_t>(tgid);
  jt_dirty state{};
  if (bpf_map__lookup_elem(maps_.dirty, &key, sizeof(key), &state, sizeof(state), 0) != 0) {
    return 0;
  }
  return state.seq;
}

}  // namespace jtrace::capture
