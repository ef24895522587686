// SPDX-License-Identifier: Apache-2.0
// From the words after -t to tracepoints with ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::event {

struct TracepointName {
  std::string category;
  std::string name;  // may be a glob
  friend bool operator==(const TracepointName&, const TracepointName&) = default;
};
struct TracepointId {
  std::uint32_t id = 0;
  friend bool operator==(const TracepointId&, const TracepointId&) = default;
};
struct PresetName {
  std::string name;  // of event/preset.h
  friend bool operator==(const PresetName&, const PresetName&) = default;
};
using EventSpec = std::variant<TracepointName, TracepointId, PresetName>;

// "category:name", "category:glob", "trace:ID", "preset:NAME"; comma lists. Errc::Usage with the
// contract's texts
// ("-t openat" suggests syscalls:sys_enter_openat; "-e cpu": events are tracepoints; ...).
[[nodiscard]] Result<std::vector<EventSpec>> parse_event_specs(std::string_view text);

// Raw tracepoints are no files of tracefs: the kernel's BTF has them (capture/raw_tracepoints.h).
// What -t calls their category, and where their ids begin, above all of tracefs'.
inline constexpr std::string_view kRawCategory = "raw_tp";
inline constexpr std::uint32_t kFirstRawId = std::uint32_t{1} << 31;

struct Tracepoint {
  std::uint32_t id = 0;
  std::string category;  // empty where only the id is known (no tracefs)
  std::string name;
  // "syscalls:sys_enter_openat", or "trace:782" where the name is not known.
  [[nodiscard]] std::string display() const;
  [[nodiscard]] bool is_raw() const { return category == kRawCategory; }
};

// Where tracepoints are looked up: a directory descriptor of some tracefs, wherever it comes from.
class Tracefs {
 public:
  // /sys/kernel/tracing, then /sys/kernel/debug/tracing, else a detached tracefs of our own
  // (fsopen, fsconfig, fsmount): readable through its descriptor, mounted nowhere. `root` is for
  // tests: a directory that stands for /.
  [[nodiscard]] static Result<Tracefs> open(const std::string& root = "/");

  enum class Source { Tracing, DebugTracing, Detached };
  [[nodiscard]] Source source() const { return source_; }
  // The directory itself; the only way to read a detached tracefs, which has no path.
  [[nodiscard]] int directory() const { return directory_.get(); }

  // Each spec to its tracepoints; a glob or a preset to all of them. Errors: no such category, no
  // such event (three nearest names), glob without match, unknown id. The first id makes it read
  // the ids of all tracepoints once (2300 of them: 25 ms cold, 5 ms warm). Not for two threads at a
  // time.
  [[nodiscard]] Result<std::vector<Tracepoint>> resolve(const EventSpec& spec) const;

  // The one of this very name; nullopt where this kernel has none, or none to attach to.
  [[nodiscard]] Result<std::optional<Tracepoint>> find(const TracepointName& name) const;

  // All tracepoints, sorted, whose "category:name" matches the glob.
  [[nodiscard]] Result<std::vector<Tracepoint>> list(std::string_view glob = "*") const;

 private:
  Tracefs(UniqueFd directory, Source source) : directory_(std::move(directory)), source_(source) {}

  // Sorted names of the directories in events/ or in events/CATEGORY.
  [[nodiscard]] Result<std::vector<std::string>> directories(const std::string& path) const;
  // nullopt where the tracepoint has no id: it is not one that perf_event_open takes.
  [[nodiscard]] Result<std::optional<std::uint32_t>> read_id(const std::string& category,
                                                             const std::string& name) const;
  [[nodiscard]] Result<std::vector<Tracepoint>> resolve_name(const TracepointName& spec) const;
  [[nodiscard]] Result<std::vector<Tracepoint>> resolve_glob(
      const TracepointName& spec, const std::vector<std::string>& categories) const;
  [[nodiscard]] Result<std::vector<Tracepoint>> resolve_preset(const std::string& name) const;
  [[nodiscard]] Result<std::vector<Tracepoint>> resolve_id(std::uint32_t id) const;
  [[nodiscard]] std::unexpected<Error> no_such_category(
      const std::string& category, const std::vector<std::string>& categories) const;
  [[nodiscard]] std::unexpected<Error> no_such_event(
      const TracepointName& spec, const std::vector<std::string>& categories) const;

  UniqueFd directory_;
  Source source_;
  mutable std::optional<std::unordered_map<std::uint32_t, TracepointName>> by_id_;
};

// Resolves every spec, each tracepoint once, in the order asked for. Without a tracefs (`tracefs`
// is null) ids pass unchecked and names fail with `why_none`.
[[nodiscard]] Result<std::vector<Tracepoint>> resolve_events(const std::vector<EventSpec>& specs,
                                                             const Tracefs* tracefs,
                                                             const Error& why_none);

}  // namespace jtrace::event
