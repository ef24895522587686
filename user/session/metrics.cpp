// SPDX-License-Identifier: Apache-2.0
#include "session/metrics.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "export/formats.h"
#include "serve/metrics_text.h"

namespace jtrace::session {
namespace {

using profile::UnknownReason;
using serve::Family;
using Kind = Family::Kind;

// Words for queries, so they stay: those of the ledger are for people.
constexpr std::array kLosses{
    std::pair{JT_COUNTER_LOST_RING, "ring_full"},
    std::pair{JT_COUNTER_LOST_COUNTS, "stack_table_full"},
    std::pair{JT_COUNTER_LOST_NESTED, "nested"},
    std::pair{JT_COUNTER_LOST_CALLS, "call_table_full"},
    std::pair{JT_COUNTER_LOST_TARGETS, "process_table_full"},
};

constexpr std::array<const char*, JT_STATUS_COUNT> kStatuses{
#define X(name, text) text,
    JT_STATUS_LIST(X)
#undef X
};

constexpr std::array kReasons{
    std::pair{UnknownReason::NoSymbols, "no_symbol"},
    std::pair{UnknownReason::FileGone, "file_gone"},
    std::pair{UnknownReason::Unmapped, "not_mapped"},
    std::pair{UnknownReason::ProcessGone, "process_gone"},
    std::pair{UnknownReason::CodeReplaced, "code_replaced"},
    std::pair{UnknownReason::BadMetadata, "bad_metadata"},
    std::pair{UnknownReason::NoJvmSymbols, "no_java_names"},
    std::pair{UnknownReason::Unverified, "unverified"},
};

// Of so many events each has its lines from the start, so that a rate sees the first one; of a glob
// that stands for hundreds only those that fired.
constexpr std::size_t kFew = 32;

std::string word(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == ' ' || c == '-') c = '_';
  }
  return out;
}

class Metrics {
 public:
  explicit Metrics(const MetricsInput& input) : input_(input) {}

  std::vector<Family> operator()() && {
    one("jtrace_build_info", "Always 1; the version is in the label.", Kind::Gauge, 1,
        {{"version", input_.version}});
    add_events();
    add_frames();
    add_run();
    add_process();
    add_maps();
    if (input_.uploads) add_uploads(*input_.uploads);
    if (input_.served) add_served(*input_.served);
    return std::move(families_);
  }

 private:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  Family& family(std::string_view name, std::string_view help, Kind kind) {
    return families_.emplace_back(Family{name, help, kind, {}});
  }
  void one(std::string_view name, std::string_view help, Kind kind, double value,
           Labels labels = {}) {
    family(name, help, kind).values.push_back({std::move(labels), value});
  }
  static void put(Family& to, Labels labels, std::uint64_t value) {
    to.values.push_back({std::move(labels), static_cast<double>(value)});
  }

  // Of each event; what belongs to none, such as an event that was lost before it was known which,
  // has an empty label. So the sum is right.
  void by_event(Family& to, jt_counter counter, const Labels& more) {
    const auto labels = [&](const std::string& name) {
      Labels all{{"event", name}};
      all.insert(all.end(), more.begin(), more.end());
      return all;
    };
    std::uint64_t rest = input_.counters.at(counter);
    for (const auto& event : input_.events) {
      const std::uint64_t count = event.counters.at(counter);
      rest -= std::min(rest, count);
      const bool silent = event.counters.at(JT_COUNTER_FIRED) == 0;
      if (count != 0 || !silent || input_.events.size() <= kFew) {
        put(to, labels(event.name), count);
      }
    }
    if (rest != 0) put(to, labels(""), rest);
  }

  void add_events() {
    const auto counter = [&](std::string_view name, std::string_view help, jt_counter which) {
      by_event(family(name, help, Kind::Counter), which, {});
    };
    counter("jtrace_events_fired_total", "Events of the targets.", JT_COUNTER_FIRED);
    counter("jtrace_events_kept_total", "Events that are in the profiles.", JT_COUNTER_KEPT);
    counter("jtrace_events_filtered_total", "Events left out by --filter and its kin.",
            JT_COUNTER_FILTERED);
    counter("jtrace_events_sampled_out_total", "Events left out by sampling.",
            JT_COUNTER_SAMPLED_OUT);
    counter("jtrace_events_rate_limited_total", "Events over --max-rate.", JT_COUNTER_RATE_LIMITED);
    Family& lost = family("jtrace_events_lost_total", "Events that were lost.", Kind::Counter);
    for (const auto& [which, reason] : kLosses) by_event(lost, which, {{"reason", reason}});
    add_unread(lost);
    one("jtrace_other_events_total", "Events of processes that are no target.", Kind::Counter,
        static_cast<double>(input_.counters.at(JT_COUNTER_OTHERS)));
    if (input_.missed_by_recursion) {
      one("jtrace_events_missed_by_recursion_total",
          "Events of any process that the kernel dropped, since a BPF program ran on that CPU.",
          Kind::Counter, static_cast<double>(*input_.missed_by_recursion));
    }
    Family& stacks =
        family("jtrace_stacks_total", "Events by what became of their stack.", Kind::Counter);
    for (const auto& event : input_.events) {
      for (std::size_t i = 0; event.statuses && i < kStatuses.size(); ++i) {
        if (event.statuses->at(i) == 0 && i != JT_STATUS_COMPLETE) continue;
        put(stacks, {{"event", event.name}, {"status", word(kStatuses.at(i))}},
            event.statuses->at(i));
      }
    }
  }

  // Of finished windows; kept in the kernel, and lost on the way out of it.
  void add_unread(Family& lost) {
    for (const auto& event : input_.events) {
      if (event.unread == 0 && event.counters.at(JT_COUNTER_FIRED) == 0 &&
          input_.events.size() > kFew) {
        continue;
      }
      put(lost, {{"event", event.name}, {"reason", "stack_table_unreadable"}}, event.unread);
    }
  }

  void add_frames() {
    if (!input_.frames) return;
    Family& kinds =
        family("jtrace_frames_total", "Named frames of all events by kind.", Kind::Counter);
    for (const auto& [kind, count] : input_.frames->by_kind) {
      put(kinds, {{"kind", word(exporting::kind_name(kind))}}, count);
    }
    Family& unnamed = family("jtrace_frames_unnamed_total",
                             "Frames of all events that have no name, by reason.", Kind::Counter);
    for (const auto& [reason, text] : kReasons) {
      const auto found = input_.frames->unnamed.find(reason);
      put(unnamed, {{"reason", text}}, found == input_.frames->unnamed.end() ? 0 : found->second);
    }
  }

  void add_run() {
    one("jtrace_traced_seconds_total", "How long events were counted.", Kind::Counter,
        input_.traced_seconds);
    one("jtrace_sampling_ratio", "Share of the events that is looked at.", Kind::Gauge,
        input_.sampling_ratio);
    if (input_.bpf_seconds) {
      one("jtrace_bpf_seconds_total",
          "Time in jtrace's BPF programs at traced events, all CPUs together, without those at "
          "mmap, fork, exec and exit; measured in 1 of 8 runs that are kept and 1 of 64 that are "
          "left out.",
          Kind::Counter, *input_.bpf_seconds);
    }
    if (input_.overhead_stopped) {
      one("jtrace_overhead_stopped",
          "1 where three times --max-overhead was taken, and so it ended.", Kind::Gauge,
          *input_.overhead_stopped ? 1 : 0);
    }
    one("jtrace_distinct_stacks", "Stacks that are told apart.", Kind::Gauge,
        static_cast<double>(input_.distinct_stacks));
    one("jtrace_windows_finished_total", "Windows that were finished.", Kind::Counter,
        static_cast<double>(input_.windows));
  }

  // Prometheus' names for what each process has; of the one that traces.
  void add_process() {
    one("process_cpu_seconds_total", "CPU time of the process that traces.", Kind::Counter,
        input_.cpu_seconds);
    one("process_resident_memory_bytes", "Resident memory of the process that traces.", Kind::Gauge,
        static_cast<double>(input_.resident_bytes));
  }

  void add_maps() {
    Family& used = family("jtrace_map_bytes", "Memory of a kernel map.", Kind::Gauge);
    for (const auto& map : input_.maps) put(used, {{"map", map.name}}, map.bytes);
    Family& most = family("jtrace_map_max_entries", "Room of a kernel map.", Kind::Gauge);
    for (const auto& map : input_.maps) put(most, {{"map", map.name}}, map.most);
    Family& entries =
        family("jtrace_map_entries", "Entries in use, of what jtrace fills itself.", Kind::Gauge);
    for (const auto& map : input_.maps) {
      if (map.used) put(entries, {{"map", map.name}}, *map.used);
    }
  }

  void add_uploads(const push::Counters& c) {
    Family& windows = family("jtrace_uploads_total",
                             "Windows by what became of them on their way "
                             "to the backend.",
                             Kind::Counter);
    put(windows, {{"outcome", "sent"}}, c.sent);
    put(windows, {{"outcome", "refused"}}, c.refused);
    put(windows, {{"outcome", "dropped"}}, c.dropped);
    one("jtrace_upload_retries_total", "Tries to send a window after the first.", Kind::Counter,
        static_cast<double>(c.retried));
    one("jtrace_upload_bytes_total", "Sent, as packed.", Kind::Counter,
        static_cast<double>(c.sent_bytes));
    one("jtrace_upload_waiting_windows", "Windows in the spool and on their way there.",
        Kind::Gauge, static_cast<double>(c.waiting + c.under_way));
    one("jtrace_upload_spool_bytes", "Size of the spool.", Kind::Gauge,
        static_cast<double>(c.spool_bytes));
  }

  void add_served(const serve::Counters& c) {
    one("jtrace_served_windows", "Windows that can be looked at.", Kind::Gauge,
        static_cast<double>(c.windows));
    one("jtrace_served_bytes", "Their size.", Kind::Gauge, static_cast<double>(c.bytes));
    one("jtrace_served_dropped_total", "Windows that went for newer ones, or were too large.",
        Kind::Counter, static_cast<double>(c.dropped));
    one("jtrace_served_lost_total", "Windows that the server was not given, being behind.",
        Kind::Counter, static_cast<double>(c.lost));
  }

  const MetricsInput& input_;
  std::vector<Family> families_;
};

}  // namespace

void UnreadEvents::add(std::size_t event, std::uint64_t count) {
  if (events_.size() <= event) events_.resize(event + 1);
  events_[event].count += count;
}

void UnreadEvents::settle(MetricsInput& input) {
  for (std::size_t i = 0; i < std::min(events_.size(), input.events.size()); ++i) {
    auto& event = input.events[i];
    auto& [count, told] = events_[i];
    std::uint64_t& kept = event.counters.at(JT_COUNTER_KEPT);
    told = std::max(told, kept - std::min(kept, count));
    input.counters.at(JT_COUNTER_KEPT) -= kept - told;
    kept = told;
    event.unread = count;
  }
}

std::string metrics_text(const MetricsInput& input) {
  return serve::metrics_text(Metrics(input)());
}

}  // namespace jtrace::session
