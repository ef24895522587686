// SPDX-License-Identifier: Apache-2.0
#include "integration/support/trace_run.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>

#include "base/file.h"
#include "base/sanitized.h"

namespace jtrace::test {

double Traced::complete_share() const {
  const std::uint64_t kept = ledger.count("kept").value_or(0);
  if (kept == 0) return 0;
  return static_cast<double>(ledger.count("complete").value_or(0)) / static_cast<double>(kept);
}

bool named_too_late(const Traced& traced) {
  return kSanitized && traced.ledger.count("unnamed: target exited").value_or(0) > 0;
}

Result<Child> start_ready(const std::vector<std::string>& target,
                          const std::vector<std::string>& environment) {
  JT_TRY(Child child, Child::start(target, environment));
  const auto ready = [](const Child& c) { return c.out().find("ready\n") != std::string::npos; };
  JT_CHECK_OK(child.wait_until("ready target", ready, kPatience));
  return child;
}

Result<Child> start_jtrace(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv{jtrace_binary()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  JT_TRY(Child child, Child::start(argv));
  const auto attached = [](const Child& c) {
    return ("\n" + c.err()).find("\njtrace: tracing") != std::string::npos;
  };
  JT_CHECK_OK(child.wait_until("line 'jtrace: tracing'", attached, kPatience));
  return child;
}

Result<std::string> read_text(const std::filesystem::path& file) {
  constexpr std::size_t kLimit = 1U << 30;
  return read_file(file, kLimit);
}

namespace {

// The process that `forks` only children lead to.
Result<pid_t> descendant(pid_t pid, int forks) {
  for (int i = 0; i < forks; ++i) {
    constexpr std::size_t kLimit = 4096;
    JT_TRY(const std::string children,
           read_file(fmt::format("/proc/{}/task/{}/children", pid, pid), kLimit));
    pid = std::atoi(children.c_str());
    if (pid <= 0) return fail(Errc::Internal, "the launcher has no child");
  }
  return pid;
}

}  // namespace

Result<Traced> trace(const std::vector<std::string>& target, const TraceOptions& options) {
  const TemporaryDirectory directory;
  const auto collapsed = directory.path() / "out.collapsed";
  const auto text = directory.path() / "out.txt";
  JT_TRY(Child program, start_ready(target, options.environment));
  JT_TRY(const pid_t pid, descendant(program.pid(), options.forks));
  if (options.before_attach) JT_CHECK_OK(options.before_attach(pid));
  std::vector<std::string> arguments{"-p", std::to_string(pid), "-f", collapsed.string(),
                                     "-f", text.string()};
  for (const std::string& event : options.events) {
    arguments.insert(arguments.end(), {"-t", event});
  }
  arguments.insert(arguments.end(), options.extra.begin(), options.extra.end());
  JT_TRY(Child jtrace, start_jtrace(arguments));
  if (options.before_go) JT_CHECK_OK(options.before_go(pid));
  JT_CHECK_OK(program.send("\n"));
  if (options.meanwhile) JT_CHECK_OK(options.meanwhile(program, jtrace));
  Traced traced;
  JT_TRY(traced.target_status, program.wait_exit(kPatience));
  JT_TRY(traced.jtrace_status, jtrace.wait_exit(kPatience));
  traced.target_output = program.out();
  traced.jtrace_log = jtrace.err();
  traced.jtrace_output = jtrace.out();
  if (traced.target_status != 0) {
    return fail(Errc::Target, fmt::format("target ended with {}: {}", traced.target_status,
                                          program.out() + program.err()));
  }
  if (traced.jtrace_status != 0) {
    return fail(Errc::Internal,
                fmt::format("jtrace ended with {}: {}", traced.jtrace_status, jtrace.err()));
  }
  JT_TRY(const std::string stacks, read_text(collapsed));
  JT_TRY(traced.stacks, parse_collapsed(stacks));
  JT_TRY(const std::string report, read_text(text));
  JT_TRY(traced.ledger, parse_ledger(report));
  return traced;
}

std::string ledger_faults(const Ledger& ledger) {
  std::string text;
  const auto add = [&](const std::string& fault) { text += fault + "\n"; };
  if (!ledger.balanced) add("it says itself that it does not add up");
  const auto fired = ledger.count("fired");
  const auto kept = ledger.count("kept");
  const auto complete = ledger.count("complete");
  if (!fired || !kept || !complete) add("fired, kept or complete is missing");
  if (fired && kept && *fired != *kept) add(fmt::format("fired {} but kept {}", *fired, *kept));
  std::uint64_t ends = 0;
  for (const Ledger::Line& line : ledger.lines) {
    if (line.name.ends_with(" fired")) break;  // of one event; the program compares them itself
    const std::uint64_t count = line.count.value_or(0);
    if (line.name.starts_with("lost") && count != 0) add(fmt::format("{}: {}", line.name, count));
    if (line.name == "complete" || line.name == "no user stack" ||
        (line.name.starts_with("partial") && line.depth <= 1)) {
      ends += count;
    }
  }
  if (kept && ends != *kept) add(fmt::format("kept {} but complete + partial {}", *kept, ends));
  return text;
}

std::string to_text(const Ledger& ledger) {
  std::string text;
  for (const Ledger::Line& line : ledger.lines) {
    if (line.count == 0U) continue;
    fmt::format_to(std::back_inserter(text), "{:>{}}{}: {}\n", "", 2 * line.depth + 2, line.name,
                   line.count ? std::to_string(*line.count) : "not measurable");
  }
  return text;
}

}  // namespace jtrace::test
