// SPDX-License-Identifier: Apache-2.0
// The words after -t: pure text, no tracefs.
#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>

#include "event/preset.h"
#include "event/tracepoint.h"

namespace jtrace::event {
namespace {

// The kernel refuses names over MAX_EVENT_NAME_LEN, 64, itself; a glob may be longer.
constexpr std::size_t kLongestEvent = 256;
// perf_event_attr takes ids as 64 bits, but the kernel numbers event types with an int.
constexpr std::uint64_t kLargestId = std::uint64_t{1} << 31;

constexpr std::string_view kForm = "an event is CATEGORY:NAME, e.g. syscalls:sys_enter_openat";

// What perf and async-profiler call events and jtrace does not trace.
constexpr std::array<std::string_view, 30> kOtherEvents{"cpu",
                                                        "alloc",
                                                        "nativemem",
                                                        "lock",
                                                        "wall",
                                                        "itimer",
                                                        "ctimer",
                                                        "live",
                                                        "cycles",
                                                        "cpu-cycles",
                                                        "ref-cycles",
                                                        "instructions",
                                                        "branches",
                                                        "branch-misses",
                                                        "branch-instructions",
                                                        "bus-cycles",
                                                        "cache-misses",
                                                        "page-faults",
                                                        "faults",
                                                        "cache-references",
                                                        "major-faults",
                                                        "context-switches",
                                                        "cs",
                                                        "minor-faults",
                                                        "cpu-clock",
                                                        "task-clock",
                                                        "cpu-migrations",
                                                        "migrations",
                                                        "mem",
                                                        "method"};
// bpftrace's and perf's kinds of probes that are not tracepoints.
constexpr std::array<std::string_view, 14> kOtherProbes{
    "kprobe", "kretprobe", "uprobe",   "uretprobe", "usdt",    "fentry",   "fexit",
    "kfunc",  "kretfunc",  "software", "hardware",  "profile", "interval", "mem"};

struct PrefixCategory {
  std::string_view prefix;
  std::string_view category;
};
// Where a name without its category belongs; everything else is taken for a system call.
constexpr std::array<PrefixCategory, 17> kPrefixes{{{"sys_enter_", "syscalls"},
                                                    {"sys_exit_", "syscalls"},
                                                    {"sched_switch", "sched"},
                                                    {"sched_wak", "sched"},
                                                    {"sched_process_", "sched"},
                                                    {"sched_stat_", "sched"},
                                                    {"sched_migrate_", "sched"},
                                                    {"block_", "block"},
                                                    {"kmalloc", "kmem"},
                                                    {"kfree", "kmem"},
                                                    {"mm_page_", "kmem"},
                                                    {"page_fault_", "exceptions"},
                                                    {"net_", "net"},
                                                    {"tcp_", "tcp"},
                                                    {"irq_", "irq"},
                                                    {"softirq_", "irq"},
                                                    {"signal_", "signal"}}};

template <class Range>
bool contains(const Range& range, std::string_view word) {
  return std::ranges::find(range, word) != range.end();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name_char(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("_.-*?[]").find(c) != std::string_view::npos;
}

// Never echo what could steer a terminal, nor pages of it.
std::string in_event(std::string_view text) {
  constexpr std::size_t kShown = 80;
  std::string shown(text.substr(0, kShown));
  std::ranges::replace_if(shown, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  if (text.size() > kShown) shown += "...";
  return "event '" + shown + "': ";
}

std::unexpected<Error> usage(std::string message, std::string hint = std::string(kForm)) {
  return fail(Errc::Usage, std::move(message), std::move(hint));
}

std::unexpected<Error> only_tracepoints(std::string_view text) {
  return usage(in_event(text) + "events are tracepoints", std::string(kForm));
}

std::string bare_name_suggestion(std::string_view word) {
  for (const auto& [prefix, category] : kPrefixes) {
    if (word.starts_with(prefix)) return std::string(category) + ":" + std::string(word);
  }
  return "syscalls:sys_enter_" + std::string(word);
}

// A word without a colon is never an event; say which one it may have been.
std::unexpected<Error> explain_bare_word(std::string_view word) {
  if (std::ranges::all_of(word, is_digit)) {
    return usage(in_event(word) + "a number is not an event; did you mean --tid?",
                 "a raw tracepoint id is trace:" + std::string(word));
  }
  if (contains(kOtherEvents, word) || word.starts_with("LLC-") || word.starts_with("L1-") ||
      word.starts_with("dTLB-") || word.starts_with("iTLB-")) {
    return only_tracepoints(word);
  }
  return usage(in_event(word) + "no category; did you mean " + bare_name_suggestion(word) + "?");
}

Result<EventSpec> parse_id(std::string_view event, std::string_view digits) {
  std::uint64_t id = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, id);
  if (digits.empty() || !std::ranges::all_of(digits, is_digit)) {
    return usage(in_event(event) + "trace: takes a tracepoint id, a decimal number",
                 "e.g. trace:782; a tracepoint by name is CATEGORY:NAME");
  }
  if (error != std::errc{} || stop != end || id == 0 || id > kLargestId) {
    return usage(in_event(event) + "a tracepoint id is 1 to " + std::to_string(kLargestId),
                 "the id stands in /sys/kernel/tracing/events/CATEGORY/NAME/id");
  }
  return TracepointId{static_cast<std::uint32_t>(id)};
}

// Names become path components below events/, so what could leave that directory is refused here.
Status check_part(std::string_view event, std::string_view what, std::string_view part) {
  if (part.empty()) return usage(in_event(event) + "no " + std::string(what));
  if (part == "." || part == "..") {
    return usage(in_event(event) + "'" + std::string(part) + "' is not a " + std::string(what));
  }
  return {};
}

std::unexpected<Error> bad_character(std::string_view event, char c) {
  const auto byte = static_cast<unsigned char>(c);
  constexpr std::string_view kHex = "0123456789abcdef";
  const bool printable = byte >= 0x20 && byte < 0x7f;
  const std::string shown = printable ? std::string{'\'', c, '\''}
                                      : std::string{"byte 0x"} + kHex[byte >> 4] + kHex[byte & 15];
  return usage(in_event(event) + shown + " cannot be part of an event",
               "names have letters, digits and _ . -, globs also * ? [ ]");
}

Result<EventSpec> parse_one(std::string_view event) {
  if (event.empty()) {
    return usage("no event between the commas of -t", "write -t CATEGORY:NAME,CATEGORY:NAME");
  }
  if (event.size() > kLongestEvent) {
    return usage(in_event(event) + "longer than " + std::to_string(kLongestEvent) + " characters");
  }
  for (const char c : event) {
    if (c != ':' && !is_name_char(c)) return bad_character(event, c);
  }
  const std::size_t colon = event.find(':');
  if (colon == std::string_view::npos) {
    JT_CHECK_OK(check_part(event, "event", event));
    return explain_bare_word(event);
  }
  const std::string_view category = event.substr(0, colon);
  const std::string_view name = event.substr(colon + 1);
  JT_CHECK_OK(check_part(event, "category", category));
  if (category == "trace") return parse_id(event, name);
  if (category == "preset") {
    if (find_preset(name) == nullptr) return no_such_preset(name);
    return PresetName{std::string(name)};
  }
  if (contains(kOtherProbes, category)) return only_tracepoints(event);
  const bool more_colons = name.find(':') != std::string_view::npos;
  if (more_colons && (category == "tracepoint" || category == "t")) {
    return usage(in_event(event) + "a tracepoint needs no prefix; did you mean " +
                 std::string(name) + "?");
  }
  // bpftrace's words for it, and libbpf's.
  constexpr std::array<std::string_view, 4> kRaw{"rawtracepoint", "rt", "tp_btf", "raw_tracepoint"};
  if (contains(kRaw, category)) {
    return usage(in_event(event) + "a raw tracepoint is raw_tp:NAME; did you mean raw_tp:" +
                 std::string(name.substr(name.rfind(':') + 1)) + "?");
  }
  if (more_colons) return usage(in_event(event) + "more than one ':'");
  JT_CHECK_OK(check_part(event, "name", name));
  return TracepointName{std::string(category), std::string(name)};
}

}  // namespace

std::string Tracepoint::display() const {
  if (name.empty()) return "trace:" + std::to_string(id);
  return category + ":" + name;
}

Result<std::vector<EventSpec>> parse_event_specs(std::string_view text) {
  if (text.empty()) return usage("-t needs an event; did you mean --threads?");
  std::vector<EventSpec> specs;
  while (true) {
    const std::size_t comma = text.find(',');
    JT_TRY(EventSpec spec, parse_one(text.substr(0, comma)));
    specs.push_back(std::move(spec));
    if (comma == std::string_view::npos) return specs;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace jtrace::event
