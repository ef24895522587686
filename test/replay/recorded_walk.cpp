// SPDX-License-Identifier: Apache-2.0
#include "replay/recorded_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <optional>

#include "process/memory.h"

namespace jtrace::test {
namespace {

constexpr std::string_view kFirstLine = "jtrace walk 1";
constexpr std::size_t kMaxBytes = 1U << 20;  // of a whole text
constexpr std::size_t kLineBytes = 64;       // of memory in a line

// By name, so that a record outlives changes of the ABI.
struct Field {
  std::string_view name;
  std::size_t offset;
  std::size_t size;
};
#define JT_FIELD(name) \
  Field { #name, offsetof(jt_hotspot, name), sizeof(jt_hotspot::name) }
constexpr std::array kFields{
    JT_FIELD(interpreter_lo),     JT_FIELD(interpreter_hi),     JT_FIELD(call_stub_return),
    JT_FIELD(name_nmethod),       JT_FIELD(name_native),        JT_FIELD(heap_count),
    JT_FIELD(block_header),       JT_FIELD(block_used),         JT_FIELD(blob_bytes),
    JT_FIELD(off_name),           JT_FIELD(off_frame_size),     JT_FIELD(off_code_begin),
    JT_FIELD(off_compile_id),     JT_FIELD(off_deopt),          JT_FIELD(off_deopt_mh),
    JT_FIELD(off_orig_pc),        JT_FIELD(off_frame_complete), JT_FIELD(frame_complete_bytes),
    JT_FIELD(code_is_offset),     JT_FIELD(deopt_is_offset),    JT_FIELD(slot_sender_sp),
    JT_FIELD(slot_method),        JT_FIELD(slot_bcp),           JT_FIELD(off_thread_anchor),
    JT_FIELD(off_wrapper_anchor), JT_FIELD(off_anchor_sp),      JT_FIELD(off_anchor_pc),
    JT_FIELD(off_anchor_fp),      JT_FIELD(cont_entry_bytes),   JT_FIELD(off_cont_argsize),
    JT_FIELD(cont_barrier),       JT_FIELD(cont_return)};
#undef JT_FIELD

class Memory final : public process::MemoryReader {
 public:
  using MemoryReader::read;
  explicit Memory(const Stretches& parts) : parts_(parts) {}
  [[nodiscard]] bool read(ProcessAddr from, std::span<std::byte> into) const override {
    return parts_.read(from.value, into);
  }

 private:
  const Stretches& parts_;
};

std::uint64_t field_value(const jt_hotspot& vm, const Field& field) {
  std::uint64_t value = 0;
  std::memcpy(&value, reinterpret_cast<const char*>(&vm) + field.offset, field.size);
  return value;
}

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    fmt::format_to(std::back_inserter(text), "{:02x}", std::to_integer<unsigned>(byte));
  }
  return text;
}

void add_memory(std::string& text, std::string_view word, std::uint64_t at,
                std::span<const std::byte> bytes) {
  for (; !bytes.empty(); at += kLineBytes) {
    const auto line = bytes.first(std::min(kLineBytes, bytes.size()));
    bytes = bytes.subspan(line.size());
    const bool zeros = std::ranges::all_of(line, [](std::byte b) { return b == std::byte{0}; });
    fmt::format_to(std::back_inserter(text), "{} {:x} {}\n", word, at,
                   zeros ? fmt::format("zeros {:x}", line.size()) : hex(line));
  }
}

// The words of a line; !ok() from the first that is missing or no number.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}
  std::string_view word() {
    const std::string_view first = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(std::min(first.size() + 1, rest_.size()));
    ok_ = ok_ && !first.empty();
    return first;
  }
  template <class T>
  T number(int base = 16) {
    const auto text = word();
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    ok_ = ok_ && error == std::errc{} && end == text.data() + text.size();
    return value;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::optional<std::vector<std::byte>> read_memory(Words& in) {
  const std::string_view text = in.word();
  if (text == "zeros") {
    const auto size = in.number<std::size_t>();
    if (!in.ok() || size > kLineBytes) return std::nullopt;
    return std::vector<std::byte>(size);
  }
  std::vector<std::byte> bytes;
  if (text.size() % 2 != 0 || text.size() > 2 * kLineBytes) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto* end = text.data() + i + 2;
    if (std::from_chars(text.data() + i, end, value, 16).ptr != end) return std::nullopt;
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

void read_row(Words& in, RecordedWalk& walk) {
  walk.rows.push_back({in.number<std::uint32_t>(), static_cast<std::uint32_t>(walk.rules.size())});
  jt_rule rule{};
  rule.cfa_kind = in.number<std::uint8_t>(10);
  rule.cfa_off = in.number<std::int32_t>(10);
  rule.cfa_add = in.number<std::int32_t>(10);
  rule.rbp_off = in.number<std::int16_t>(10);
  rule.rbx_off = in.number<std::int16_t>(10);
  rule.ra_off = in.number<std::int16_t>(10);
  rule.flags = in.number<std::uint8_t>(10);
  walk.rules.push_back(rule);
  if (!walk.ranges.empty()) ++walk.ranges.back().rows;
}

void read_range(Words& in, RecordedWalk& walk) {
  jt_range range{};
  range.start = in.number<std::uint64_t>();
  range.end = in.number<std::uint64_t>();
  range.bias = in.number<std::uint64_t>();
  range.kind = in.number<std::uint16_t>(10);
  range.mapping = in.number<std::uint32_t>(10);
  range.first_row = static_cast<std::uint32_t>(walk.rows.size());
  walk.ranges.push_back(range);
}

bool read_jvm(std::string_view word, Words& in, RecordedWalk& walk) {
  if (walk.jvms.empty()) walk.jvms.emplace_back();
  jt_hotspot& vm = walk.jvms.front();
  if (word == "heap") {
    if (vm.heap_count >= JT_MAX_HEAPS) return false;
    jt_code_heap& heap = vm.heaps[vm.heap_count++];
    heap.low = in.number<std::uint64_t>();
    heap.high = in.number<std::uint64_t>();
    heap.segmap = in.number<std::uint64_t>();
    heap.shift = in.number<std::uint32_t>(10);
    return true;
  }
  const auto name = in.word();
  const auto value = in.number<std::uint64_t>();
  const auto field = std::ranges::find(kFields, name, &Field::name);
  // That of the heaps is how many lines they have.
  if (field == kFields.end() || name == "heap_count") return false;
  std::memcpy(reinterpret_cast<char*>(&vm) + field->offset, &value, field->size);
  return true;
}

bool read_line(std::string_view line, RecordedWalk& walk) {
  Words in(line);
  const auto word = in.word();
  if (word == "title") {
    walk.title = in.rest();
  } else if (word == "regs") {
    for (auto* reg : {&walk.regs.pc, &walk.regs.sp, &walk.regs.fp, &walk.regs.bx, &walk.regs.r13,
                      &walk.regs.ax}) {
      *reg = in.number<std::uint64_t>();
    }
    walk.exact = in.number<int>() != 0;
  } else if (word == "rdi") {
    walk.regs.di = in.number<std::uint64_t>();
  } else if (word == "status") {
    const auto status = in.number<std::uint32_t>(10);
    if (status >= JT_STATUS_COUNT) return false;
    walk.status = static_cast<jt_status>(status);
  } else if (word == "frame") {
    walk.frames.push_back({in.number<std::uint64_t>(), in.number<std::uint64_t>()});
  } else if (word == "range") {
    read_range(in, walk);
  } else if (word == "row") {
    read_row(in, walk);
  } else if (word == "heap" || word == "jvm") {
    if (!read_jvm(word, in, walk)) return false;
  } else if (word == "stack" || word == "code") {
    const auto at = in.number<std::uint64_t>();
    const auto bytes = read_memory(in);
    if (!bytes || !in.ok()) return false;
    if (word == "code") {
      walk.code.add(at, *bytes);
    } else {
      walk.stack.insert(walk.stack.end(), bytes->begin(), bytes->end());
    }
  } else {
    return false;
  }
  return in.ok();
}

}  // namespace

bool Stretches::read(std::uint64_t from, std::span<std::byte> into) const {
  const auto after = parts_.upper_bound(from);
  if (after == parts_.begin()) return false;
  const auto& [base, bytes] = *std::prev(after);
  const std::uint64_t offset = from - base;
  if (into.size() > bytes.size() || offset > bytes.size() - into.size()) return false;
  std::ranges::copy(std::span(bytes).subspan(offset, into.size()), into.begin());
  return true;
}

void Stretches::add(std::uint64_t at, std::span<const std::byte> bytes) {
  std::uint64_t start = at;
  std::vector<std::byte> all(bytes.begin(), bytes.end());
  auto it = parts_.upper_bound(at);
  if (it != parts_.begin() && std::prev(it)->first + std::prev(it)->second.size() >= at) --it;
  while (it != parts_.end() && it->first <= at + bytes.size()) {
    auto& [base, old] = *it;
    const std::uint64_t low = std::min(base, start);
    const std::uint64_t high = std::max(base + old.size(), start + all.size());
    std::vector<std::byte> joined(high - low);
    std::ranges::copy(old, joined.begin() + static_cast<std::ptrdiff_t>(base - low));
    std::ranges::copy(all, joined.begin() + static_cast<std::ptrdiff_t>(start - low));
    start = low;
    all = std::move(joined);
    it = parts_.erase(it);
  }
  parts_[start] = std::move(all);
}

unwind::WalkResult RecordedWalk::walk(std::span<jt_known_pc> known) const {
  return unwind::walk({.ranges = ranges,
                       .rows = rows,
                       .rules = rules,
                       .jvms = jvms,
                       .jvm = static_cast<std::uint32_t>(jvms.size()),
                       .known = known.data(),
                       .known_count = static_cast<std::uint32_t>(known.size())},
                      {.regs = regs, .exact = exact, .stack = stack}, Memory(code));
}

std::string to_text(const RecordedWalk& walk) {
  std::string text = fmt::format("{}\ntitle {}\n", kFirstLine, walk.title);
  const auto out = std::back_inserter(text);
  const auto& r = walk.regs;
  fmt::format_to(out, "regs {:x} {:x} {:x} {:x} {:x} {:x} {:d}\n", std::uint64_t{r.pc},
                 std::uint64_t{r.sp}, std::uint64_t{r.fp}, std::uint64_t{r.bx},
                 std::uint64_t{r.r13}, std::uint64_t{r.ax}, walk.exact ? 1 : 0);
  if (r.di != 0) fmt::format_to(out, "rdi {:x}\n", std::uint64_t{r.di});
  fmt::format_to(out, "status {}\n", static_cast<int>(walk.status));
  for (const jt_frame& f : walk.frames) {
    fmt::format_to(out, "frame {:x} {:x}\n", std::uint64_t{f.where}, std::uint64_t{f.info});
  }
  for (const jt_range& range : walk.ranges) {
    fmt::format_to(out, "range {:x} {:x} {:x} {} {}\n", std::uint64_t{range.start},
                   std::uint64_t{range.end}, std::uint64_t{range.bias}, int{range.kind},
                   std::uint32_t{range.mapping});
    for (std::uint32_t i = range.first_row; i < range.first_row + range.rows; ++i) {
      const jt_rule& rule = walk.rules.at(walk.rows.at(i).rule);
      fmt::format_to(out, "row {:x} {} {} {} {} {} {} {}\n", std::uint32_t{walk.rows[i].pc},
                     int{rule.cfa_kind}, int{rule.cfa_off}, int{rule.cfa_add}, int{rule.rbp_off},
                     int{rule.rbx_off}, int{rule.ra_off}, int{rule.flags});
    }
  }
  for (const jt_hotspot& vm : walk.jvms) {
    for (std::uint32_t i = 0; i < vm.heap_count; ++i) {
      const jt_code_heap& heap = vm.heaps[i];
      fmt::format_to(out, "heap {:x} {:x} {:x} {}\n", std::uint64_t{heap.low},
                     std::uint64_t{heap.high}, std::uint64_t{heap.segmap},
                     std::uint32_t{heap.shift});
    }
    for (const Field& field : kFields) {
      if (field.name == "heap_count") continue;
      fmt::format_to(out, "jvm {} {:x}\n", field.name, field_value(vm, field));
    }
  }
  add_memory(text, "stack", walk.regs.sp, walk.stack);
  for (const auto& [at, bytes] : walk.code.parts()) add_memory(text, "code", at, bytes);
  return text;
}

Result<RecordedWalk> parse_walk(std::string_view text) {
  if (text.size() > kMaxBytes) return fail(Errc::Target, "recorded walk: too large");
  RecordedWalk walk;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (number == 1 ? line != kFirstLine : !read_line(line, walk)) {
      return fail(Errc::Target, fmt::format("recorded walk: line {}: {}", number, line));
    }
  }
  return walk;
}

}  // namespace jtrace::test
