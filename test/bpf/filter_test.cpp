// SPDX-License-Identifier: Apache-2.0
// Filters in this kernel: what passes is what the evaluator says of the calls that were made, and
// what the kernel's own filter lets pass.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "capture/capture.h"
#include "event/format.h"
#include "filter/evaluator.h"
#include "support/filter_cases.h"
#include "traced_child.h"
#include "tracing.h"

namespace jtrace::test {
namespace {

using capture::KernelFeatures;
using testing::Gt;

struct Call {
  std::string path;
  std::uint64_t mode;
};

// access() of each, as often as told to; says when it is done.
TracedChild::Body calls(std::vector<Call> all) {
  return [all = std::move(all)](const ToParent& parent) {
    while (true) {
      parent.wait();
      for (const Call& call : all) ::syscall(SYS_access, call.path.c_str(), call.mode);
      parent.send(1);
    }
  };
}

// The calls again, until they were made to the end.
void make_calls(const TracedChild& child) {
  child.go();
  static_cast<void>(child.receive<int>());
}

class Filtering : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto tracefs = event::Tracefs::open();
    ASSERT_TRUE(tracefs) << tracefs.error().message;
    const auto found = tracefs->resolve(event::TracepointName{"syscalls", "sys_enter_access"});
    ASSERT_TRUE(found) << found.error().message;
    access_.tracepoint = found->front();
    auto format = event::read_format(*tracefs, access_.tracepoint);
    ASSERT_TRUE(format) << format.error().message;
    access_.format = *format;
    access_.numbers = {"mode"};
    access_.texts = {"filename.ustring", "comm"};
  }

  [[nodiscard]] filter::Program compiled(const std::string& text) const {
    auto program =
        filter::compile({.filters = {text}}, filter::Fields(access_.tracepoint, &access_.format));
    EXPECT_TRUE(program) << text << ": " << program.error().message;
    return program ? *program : filter::Program{};
  }

  static filter::Event event_of(const Call& call, const TracedChild& child,
                                std::array<std::byte, 64>& record) {
    const auto* path = call.path.c_str();
    const auto address = reinterpret_cast<std::uint64_t>(path);
    std::memcpy(record.data() + 16, &address, sizeof(address));
    std::memcpy(record.data() + 24, &call.mode, sizeof(call.mode));
    const auto pid = static_cast<std::uint32_t>(child.pid());
    return {.record = record,
            .tid = pid,
            .tgid = pid,
            .uid = 0,
            .comm = "bpf_capture_tes",
            .user_strings = {{address, call.path}},
            .kernel_strings = {}};
  }

  // Detaches; every event is accounted for.
  static void finish(Tracing& tracing) {
    tracing.finish();
    const auto lost = tracing.counter(JT_COUNTER_LOST_RING) +
                      tracing.counter(JT_COUNTER_LOST_COUNTS) +
                      tracing.counter(JT_COUNTER_LOST_NESTED);
    EXPECT_EQ(lost, 0U);
    EXPECT_EQ(tracing.counter(JT_COUNTER_FIRED),
              tracing.counter(JT_COUNTER_KEPT) + tracing.counter(JT_COUNTER_FILTERED));
    EXPECT_EQ(tracing.counter(JT_COUNTER_KEPT), tracing.total());
  }

  // How many calls each filter let pass, one filter after the other over the same calls.
  [[nodiscard]] std::vector<std::uint64_t> kept(const TracedChild& child,
                                                const std::vector<std::string>& filters) const {
    std::vector<filter::Program> programs;
    std::uint32_t patterns = 0;
    for (const std::string& text : filters) {
      programs.push_back(compiled(text));
      patterns += static_cast<std::uint32_t>(programs.back().patterns.size());
    }
    Tracing tracing({.only_tgid = child.pid(), .filters = true, .max_patterns = patterns});
    tracing.refresh(child.pid());
    tracing.attach("access");
    std::vector<std::uint64_t> counts;
    std::uint64_t before = 0;
    for (const filter::Program& program : programs) {
      const auto set = tracing.capture().set_event(0, program.spec, program.patterns);
      EXPECT_TRUE(set) << set.error().message;
      make_calls(child);
      const std::uint64_t now = tracing.counter(JT_COUNTER_KEPT);
      counts.push_back(now - before);
      before = now;
    }
    finish(tracing);
    return counts;
  }

  static std::vector<Call> random_calls(FilterCases& cases, int n) {
    std::vector<Call> all;
    for (int i = 0; i < n; ++i) all.push_back({cases.word(6), cases.number()});
    return all;
  }

  FilteredEvent access_;
};

TEST_F(Filtering, passesWhatTheEvaluatorPasses) {
  constexpr int kFilters = 80;
  FilterCases cases(7);
  const auto all = random_calls(cases, 200);
  const TracedChild child(calls(all));
  std::vector<std::string> filters;
  for (int i = 0; i < kFilters; ++i) {
    filters.push_back(cases.text(cases.expression(access_, 1 + i % 10)));
  }
  const auto counts = kept(child, filters);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < filters.size(); ++i) {
    const auto program = compiled(filters[i]);
    std::uint64_t expected = 0;
    for (const Call& call : all) {
      std::array<std::byte, 64> record{};
      if (filter::evaluate(program, event_of(call, child, record)).passes) ++expected;
    }
    EXPECT_EQ(counts[i], expected) << filters[i];
    sum += expected;
  }
  EXPECT_GT(sum, kFilters * all.size() / 10);
}

// A counter of the kernel's with the kernel's own filter; nullopt where it refuses that.
std::optional<UniqueFd> kernel_filter(std::uint32_t id, pid_t pid, const std::string& text) {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.config = id;
  UniqueFd fd(
      static_cast<int>(::syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC)));
  EXPECT_TRUE(fd.valid());
  if (::ioctl(fd.get(), PERF_EVENT_IOC_SET_FILTER, text.c_str()) != 0) return std::nullopt;
  return fd;
}

TEST_F(Filtering, passesWhatTheKernelsOwnFilterPasses) {
  constexpr int kFilters = 200;
  FilterCases cases(11, true);
  const TracedChild child(calls(random_calls(cases, 200)));
  std::vector<std::string> filters;
  std::vector<UniqueFd> counters;
  for (int i = 0; i < kFilters; ++i) {
    std::string text = cases.text(cases.expression(access_, 1 + i % 6));
    auto counter = kernel_filter(access_.tracepoint.id, child.pid(), text);
    if (!counter) continue;
    filters.push_back(std::move(text));
    counters.push_back(std::move(*counter));
  }
  EXPECT_THAT(filters.size(), Gt(std::size_t{kFilters * 3 / 4}));
  // One after the other: where a program has said no, the kernel counts nothing.
  make_calls(child);
  std::vector<std::uint64_t> expected;
  for (const UniqueFd& counter : counters) {
    std::uint64_t count = 0;
    ASSERT_EQ(::read(counter.get(), &count, sizeof(count)), static_cast<ssize_t>(sizeof(count)));
    expected.push_back(count);
  }
  counters.clear();
  const auto counts = kept(child, filters);
  for (std::size_t i = 0; i < filters.size(); ++i) {
    EXPECT_EQ(counts[i], expected[i]) << filters[i];
  }
}

TEST_F(Filtering, withoutTheHelpersOfNewerKernels) {
  const TracedChild child(calls({{"/a", 1}, {"/b", 2}, {"/a/c", 3}}));
  const auto program = compiled("filename ~ '/a*' && mode != 3");
  Tracing tracing({.only_tgid = child.pid(), .filters = true}, KernelFeatures{});
  tracing.refresh(child.pid());
  ASSERT_TRUE(tracing.capture().set_event(0, program.spec, program.patterns));
  tracing.attach("access");
  make_calls(child);
  finish(tracing);
  EXPECT_EQ(tracing.counter(JT_COUNTER_KEPT), 1U);
  EXPECT_EQ(tracing.counter(JT_COUNTER_FILTERED), 2U);
}

// An event without a filter beside one with.
TEST_F(Filtering, onlyTheEventThatHasOne) {
  if (!capture::probe_features().attach_cookie) GTEST_SKIP() << "this kernel has no attach cookie";
  const TracedChild child([](const ToParent& parent) {
    parent.wait();
    for (int mode = 0; mode < 4; ++mode) ::syscall(SYS_access, "/", mode);
    for (int i = 0; i < 3; ++i) ::syscall(SYS_getppid);
    parent.send(1);
    parent.wait();
  });
  const auto program = compiled("mode == 1");
  Tracing tracing({.only_tgid = child.pid(), .filters = true, .events = 2});
  tracing.refresh(child.pid());
  ASSERT_TRUE(tracing.capture().set_event(1, program.spec, program.patterns));
  tracing.attach("getppid", 0);
  tracing.attach("access", 1);
  make_calls(child);
  finish(tracing);
  std::map<std::uint32_t, std::uint64_t> counts;
  for (const auto& entry : tracing.capture().counts()) counts[entry.key.event] += entry.sum.count;
  EXPECT_EQ(counts[0], 3U);
  EXPECT_EQ(counts[1], 1U);
}

TEST_F(Filtering, whatIsNotResidentIsCounted) {
  const TracedChild child([](const ToParent& parent) {
    parent.wait();
    void* absent = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const std::array<char, 2> here{"/"};
    ::syscall(SYS_access, absent, 0);
    ::syscall(SYS_access, here.data(), 0);
    parent.send(1);
    parent.wait();
  });
  const auto program = compiled("filename !~ '/x*'");
  Tracing tracing({.only_tgid = child.pid(), .filters = true});
  tracing.refresh(child.pid());
  ASSERT_TRUE(tracing.capture().set_event(0, program.spec, program.patterns));
  tracing.attach("access");
  make_calls(child);
  finish(tracing);
  EXPECT_EQ(tracing.counter(JT_COUNTER_KEPT), 1U);
  EXPECT_EQ(tracing.counter(JT_COUNTER_FILTER_UNREADABLE), 1U);
}

// Every field of every tracepoint is a number, a string or an array of numbers, or says why not.
TEST_F(Filtering, everyFieldOfThisKernel) {
  auto tracefs = event::Tracefs::open();
  ASSERT_TRUE(tracefs);
  const auto tracepoints = tracefs->list();
  ASSERT_TRUE(tracepoints);
  std::size_t all = 0, refused = 0;
  for (const event::Tracepoint& tracepoint : *tracepoints) {
    const auto format = event::read_format(*tracefs, tracepoint);
    ASSERT_TRUE(format) << tracepoint.display();
    EXPECT_EQ(format->skipped, 0U) << tracepoint.display();
    const filter::Fields fields(tracepoint, &*format);
    for (const event::Field& field : format->fields) {
      if (field.common) continue;
      ++all;
      const auto takes = [&](const char* rest) {
        return filter::compile({.filters = {field.name + rest}}, fields).has_value();
      };
      if (takes(" == 0") || takes(" == 'xy'") || takes("[0] == 0")) continue;
      ++refused;
      const auto why = filter::compile({.filters = {field.name + " == 0"}}, fields);
      EXPECT_THAT(why.error().message,
                  testing::AnyOf(testing::HasSubstr("neither a number nor a string"),
                                 testing::HasSubstr("does not show it to programs")))
          << tracepoint.display();
    }
  }
  std::printf("%zu fields, %zu not to be compared\n", all, refused);
  EXPECT_LT(refused, all / 50);
}

// What the kernel knows of the task, on this kernel.
TEST_F(Filtering, pseudoFields) {
  const TracedChild child(calls({{"/", 0}}));
  const std::string pid = std::to_string(child.pid());
  const auto counts = kept(
      child, {"tid == " + pid, "tgid == " + pid, "common_pid == " + pid, "uid == 0",
              "comm == 'bpf_capture_tes'", "COMM ~ 'bpf_*'", "cpu < 4096", "cgroup > 0",
              "common_type == " + std::to_string(access_.tracepoint.id), "__syscall_nr == 21"});
  EXPECT_THAT(counts, testing::Each(1U));
}

}  // namespace
}  // namespace jtrace::test
