// SPDX-License-Identifier: Apache-2.0
// record_walk PID EVENT DIRECTORY NAME: writes DIRECTORY/NAME-N.walk for walks of that process at
// that tracepoint, one of each shape (run of kinds of frames), until it has 16 or the process ends.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <set>

#include "event/tracepoint.h"
#include "replay/recorded_walk.h"
#include "session/target.h"

namespace jtrace::test {
namespace {

constexpr std::size_t kShapes = 16;
constexpr std::size_t kMaxText = 50'000;
constexpr std::size_t kMaxRows = 2U << 20;
constexpr std::array kKinds{"none", "native",    "interpreted", "compiled", "wrapper",
                            "stub", "call_stub", "frozen",      "gap"};

// Notes what is read.
class RecordingMemory final : public process::MemoryReader {
 public:
  using MemoryReader::read;
  RecordingMemory(const process::MemoryReader& memory, Stretches& into)
      : memory_(memory), into_(into) {}
  [[nodiscard]] bool read(ProcessAddr from, std::span<std::byte> into) const override {
    if (!memory_.read(from, into)) return false;
    into_.add(from.value, into);
    return true;
  }

 private:
  const process::MemoryReader& memory_;
  Stretches& into_;
};

std::string shape(const std::vector<jt_frame>& frames) {
  std::string text;
  for (std::size_t i = 0; i < frames.size();) {
    const auto kind = frames[i].where >> JT_ADDR_BITS;
    std::size_t n = i;
    while (n < frames.size() && frames[n].where >> JT_ADDR_BITS == kind) ++n;
    if (!text.empty()) text += ", ";
    if (n - i > 1) text += std::to_string(n - i) + " ";
    if ((kind & JT_FRAME_EXACT) != 0) text += "interrupted ";
    text += kKinds.at(kind & JT_FRAME_KIND_MASK);
    i = n;
  }
  return text;
}

// Of the tables, what these frames are found by.
void keep_tables(const unwind::WalkTables& tables, RecordedWalk& walk) {
  std::set<std::uint64_t> pcs{walk.regs.pc, walk.regs.pc - 1};
  for (const jt_frame& f : walk.frames) {
    pcs.insert(f.where & JT_ADDR_MASK);
    pcs.insert((f.where & JT_ADDR_MASK) - 1);
  }
  for (jt_range range : tables.ranges) {
    const auto first = pcs.lower_bound(range.start);
    const bool used = first != pcs.end() && *first < range.end;
    if (!used && range.kind != JT_RANGE_HOTSPOT) continue;
    const auto rows = tables.rows.subspan(range.first_row, range.rows);
    range.first_row = static_cast<std::uint32_t>(walk.rows.size());
    std::set<std::uint32_t> kept;
    for (auto pc = first; pc != pcs.end() && *pc < range.end && !rows.empty(); ++pc) {
      const auto next = std::ranges::upper_bound(rows, static_cast<std::uint32_t>(*pc - range.bias),
                                                 {}, &jt_row::pc);
      if (next == rows.begin() || !kept.insert(std::prev(next)->pc).second) continue;
      walk.rows.push_back({std::prev(next)->pc, static_cast<std::uint32_t>(walk.rules.size())});
      walk.rules.push_back(tables.rules[std::prev(next)->rule]);
    }
    range.rows = static_cast<std::uint32_t>(kept.size());
    range.jvm = 0;
    walk.ranges.push_back(range);
  }
  if (tables.jvm != 0) walk.jvms.push_back(tables.jvms[tables.jvm - 1]);
}

class Recorder {
 public:
  Recorder(const session::Target& target, std::string path)
      : target_(target), path_(std::move(path)) {}

  void add_stack(const jt_stack_record& record) {
    stacks_[record.key.hash].assign(record.frame, record.frame + record.key.frames);
  }
  void add(const jt_deferred_record& record) {
    const auto found = stacks_.find(record.key.hash);
    if (found == stacks_.end() || done()) return;
    const auto text = shape(found->second);
    if (seen_.contains(text)) return;
    RecordedWalk walk;
    const auto input = unwind::walk_input(record);
    const auto again =
        unwind::walk(target_.walk_tables(), input, RecordingMemory(target_.memory(), walk.code));
    const bool same = again.status == static_cast<jt_status>(record.key.status) &&
                      std::ranges::equal(again.frames, found->second, [](auto& a, auto& b) {
                        return a.where == b.where && a.info == b.info;
                      });
    if (!same || input.absent_pages != 0) return;
    walk.title = path_.substr(path_.rfind('/') + 1) + ": " + text;
    walk.regs = input.regs;
    walk.exact = input.exact;
    const std::size_t bytes = again.end.sp - input.regs.sp + 64;
    walk.stack.assign(
        input.stack.begin(),
        input.stack.begin() + static_cast<std::ptrdiff_t>(std::min(bytes, input.stack.size())));
    walk.frames = again.frames;
    walk.status = again.status;
    keep_tables(target_.walk_tables(), walk);
    const std::string all = to_text(walk);
    seen_.insert(text);
    if (all.size() > kMaxText) return;
    const std::string name = fmt::format("{}-{}.walk", path_, ++written_);
    std::ofstream(name) << all;
    fmt::print("{} {} bytes: {}\n", name, all.size(), text);
  }
  [[nodiscard]] bool done() const { return written_ >= kShapes; }

 private:
  const session::Target& target_;
  std::string path_;
  std::map<std::uint64_t, std::vector<jt_frame>> stacks_;
  std::set<std::string> seen_;
  std::size_t written_ = 0;
};

Status record(pid_t pid, const std::string& event, const std::string& path) {
  cli::Options options;
  session::SharedTables shared(kMaxRows);
  JT_TRY(const auto target, session::Target::open(pid, shared, options));
  JT_TRY(const auto specs, event::parse_event_specs(event));
  JT_TRY(auto tracefs, event::Tracefs::open());
  JT_TRY(const auto events, event::resolve_events(specs, &tracefs, {}));
  capture::CaptureConfig config;
  config.max_rows = kMaxRows;
  config.only_tgid = pid;
  config.check_walks = true;
  JT_TRY(auto capture, capture::Capture::load(config, capture::probe_features()));
  JT_CHECK_OK(target->refresh(&capture));
  JT_CHECK_OK(capture.attach_event(events.front().id, 0, false));
  Recorder recorder(*target, path);
  const capture::RecordHandlers handlers{
      .stack = [&](const jt_stack_record& r) { recorder.add_stack(r); },
      .deferred = [](const jt_deferred_record&) {},
      .notice = [](const jt_notice_record&) {},
      .check = [&](const jt_deferred_record& r) { recorder.add(r); }};
  fmt::print("recording\n");
  std::fflush(stdout);
  while (!recorder.done() && process::find_process(pid)) {
    capture.drain(handlers);
    ::usleep(1000);
  }
  return {};
}

}  // namespace
}  // namespace jtrace::test

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "record_walk PID EVENT DIRECTORY NAME\n");
    return 2;
  }
  const auto status =
      jtrace::test::record(std::atoi(argv[1]), argv[2], std::string(argv[3]) + "/" + argv[4]);
  if (status) return 0;
  fmt::print(stderr, "record_walk: {}\n", status.error().message);
  return 1;
}
