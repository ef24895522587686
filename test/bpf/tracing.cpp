// SPDX-License-Identifier: Apache-2.0
#include "tracing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>

#include "process/memory.h"

namespace jtrace::test {

Tracing::Tracing(const capture::CaptureConfig& config, const capture::KernelFeatures& features) {
  auto sized = config;
  sized.max_rows = kMaxRows;
  auto loaded = capture::Capture::load(sized, features);
  EXPECT_TRUE(loaded) << loaded.error().message;
  capture_ = std::make_unique<capture::Capture>(*std::move(loaded));
  auto tracefs = event::Tracefs::open();
  EXPECT_TRUE(tracefs) << tracefs.error().message;
  tracefs_ = std::make_unique<event::Tracefs>(*std::move(tracefs));
  handlers_.stack = [this](const jt_stack_record& record) {
    stacks[record.key].assign(record.frame, record.frame + record.key.frames);
  };
  handlers_.deferred = [this](const jt_deferred_record& record) {
    auto copy = std::make_unique<jt_deferred_record>();
    std::memcpy(copy.get(), &record, offsetof(jt_deferred_record, stack) + record.stack_bytes);
    deferred.push_back(std::move(copy));
  };
  handlers_.notice = [this](const jt_notice_record& record) { notices.push_back(record); };
}

void Tracing::refresh(pid_t pid, std::uint64_t code_lo, std::uint64_t code_hi) {
  jt_target target{};
  target.clean_seq = capture_->targets().changes(pid);
  target.code_lo = code_lo;
  target.code_hi = code_hi;
  auto& space = spaces_[pid];
  if (!space) space = std::make_unique<unwind::AddressSpace>(pid, binaries_);
  auto ranges = space->refresh({});
  ASSERT_TRUE(ranges) << ranges.error().message;
  ranges_[pid] = *std::move(ranges);
  ASSERT_TRUE(capture_->write_rows(0, store_.rows()));
  ASSERT_TRUE(capture_->write_rules(0, store_.rules()));
  const auto status = capture_->targets().set({.tgid = pid}, ranges_[pid], target);
  ASSERT_TRUE(status) << status.error().message;
}

void Tracing::attach(const std::string& call, std::uint32_t event, bool kernel_stacks) {
  const auto found = tracefs_->resolve(event::TracepointName{"syscalls", "sys_enter_" + call});
  ASSERT_TRUE(found) << found.error().message;
  const auto status = capture_->attach_event(found->front().id, event, kernel_stacks);
  ASSERT_TRUE(status) << status.error().message;
}

void Tracing::attach_lifecycle() {
  std::vector<std::uint32_t> ids;
  for (const auto& [category, name] : capture::Capture::lifecycle_tracepoints()) {
    const auto found = tracefs_->resolve(event::TracepointName{category, name});
    ASSERT_TRUE(found) << found.error().message;
    ids.push_back(found->front().id);
  }
  const auto status = capture_->attach_lifecycle(ids);
  ASSERT_TRUE(status) << status.error().message;
}

void Tracing::drain() {
  while (!capture_->drain(handlers_)) {
  }
}

void Tracing::finish() {
  capture_->detach();
  drain();
}

std::uint64_t Tracing::total() const {
  std::uint64_t sum = 0;
  for (const auto& entry : capture_->counts()) sum += entry.sum.count;
  return sum;
}

unwind::WalkResult Tracing::walk(const jt_deferred_record& record) const {
  const auto pid = static_cast<pid_t>(record.key.tgid);
  std::vector<jt_row> rows(store_.rows().begin(), store_.rows().end());
  std::vector<jt_rule> rules(store_.rules().begin(), store_.rules().end());
  auto ranges = ranges_.at(pid);
  for (const auto& [address, rule] : described_) {
    const auto range = std::ranges::find_if(
        ranges, [&](const jt_range& r) { return address >= r.start && address < r.end; });
    EXPECT_NE(range, ranges.end());
    if (range == ranges.end()) continue;
    range->kind = JT_RANGE_NATIVE;
    range->bias = range->start;
    range->first_row = static_cast<std::uint32_t>(rows.size());
    range->rows = 1;
    rows.push_back({0, static_cast<std::uint32_t>(rules.size())});
    rules.push_back(rule);
  }
  const std::span stack(record.stack);
  return unwind::walk({ranges, rows, rules, {}},
                      {.regs = record.regs,
                       .exact = record.head.exact != 0,
                       .stack = std::as_bytes(stack.first(record.stack_bytes)),
                       .absent_pages = record.absent},
                      process::ProcessMemory(pid));
}

Trace addresses(const std::vector<jt_frame>& frames) {
  Trace trace;
  for (const jt_frame& frame : frames) trace.push_back(frame.where & JT_ADDR_MASK);
  return trace;
}

}  // namespace jtrace::test
