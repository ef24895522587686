// SPDX-License-Identifier: Apache-2.0
#include "event/pair.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace jtrace::event {
namespace {

constexpr std::array<std::string_view, 6> kNoEnd{"execve",     "execveat",     "exit",
                                                 "exit_group", "rt_sigreturn", "sigreturn"};
constexpr std::array<std::string_view, 4> kForks{"clone", "clone3", "fork", "vfork"};

template <class Names>
bool is_one_of(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::optional<Pair> call_of(std::string_view name) {
  constexpr std::string_view kEnter = "sys_enter_";
  constexpr std::string_view kExit = "sys_exit_";
  std::string_view call;
  if (name.starts_with(kEnter)) call = name.substr(kEnter.size());
  if (name.starts_with(kExit)) call = name.substr(kExit.size());
  if (call.empty() || is_one_of(kNoEnd, call)) return std::nullopt;
  return Pair{.kind = Pair::Kind::Call,
              .begin = {"syscalls", std::string(kEnter).append(call)},
              .end = {"syscalls", std::string(kExit).append(call)},
              .returns_twice = is_one_of(kForks, call)};
}

// Those that another thread or another CPU may end.
struct Known {
  std::string_view category, begin, end;
  std::array<std::pair<std::string_view, std::string_view>, 2> keys;
  bool interrupts = false;
};
constexpr std::array<Known, 6> kKnown{
    {{"sched", "sched_switch", "sched_switch", {{{"prev_pid", "next_pid"}, {}}}},
     {"block", "block_rq_issue", "block_rq_complete", {{{"dev", "dev"}, {"sector", "sector"}}}},
     {"irq", "irq_handler_entry", "irq_handler_exit", {{{"irq", "irq"}, {"cpu", "cpu"}}}, true},
     {"irq", "softirq_entry", "softirq_exit", {{{"vec", "vec"}, {"cpu", "cpu"}}}, true},
     {"irq", "tasklet_entry", "tasklet_exit", {{{"cpu", "cpu"}, {}}}, true},
     {"workqueue", "workqueue_execute_start", "workqueue_execute_end", {{{"work", "work"}, {}}}}}};

// A function's begin and end, in one thread.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSuffixes{
    {{"_enter", "_exit"}, {"_entry", "_exit"}, {"_begin", "_end"}, {"_start", "_end"}}};

}  // namespace

std::optional<Pair> pair_of(const Tracepoint& tracepoint) {
  const std::string& category = tracepoint.category;
  const std::string& name = tracepoint.name;
  if (category == "syscalls") return call_of(name);
  if (tracepoint.is_raw()) return std::nullopt;
  for (const Known& known : kKnown) {
    if (known.category != category || known.begin != name) continue;
    Pair pair{.kind = Pair::Kind::Held,
              .begin = {category, name},
              .end = {category, std::string(known.end)},
              .interrupts = known.interrupts};
    for (const auto& [of_begin, of_end] : known.keys) {
      if (!of_begin.empty()) pair.keys.emplace_back(of_begin, of_end);
    }
    return pair;
  }
  for (const auto& [begin, end] : kSuffixes) {
    if (!name.ends_with(begin)) continue;
    return Pair{.kind = Pair::Kind::Held,
                .begin = {category, name},
                .end = {category, name.substr(0, name.size() - begin.size()).append(end)},
                .keys = {{"tid", "tid"}}};
  }
  return std::nullopt;
}

}  // namespace jtrace::event
