// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/stub_names.h"

#include <algorithm>
#include <array>
#include <utility>

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr std::size_t kMaxStubs = 4096;  // JDK 17 has some 200
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxNames = 16'384;

// StubCodeDesc in words: next, group, name, [index until JDK 12,] begin, end. No table exports it,
// so which of the two it is follows from where two addresses in the code cache stand.
using Desc = std::array<std::uint64_t, 6>;
constexpr std::size_t kNext = 0, kGroup = 1, kName = 2;
constexpr std::array<std::size_t, 2> kBegins = {3, 4};

}  // namespace

void StubNames::load_list() {
  stubs_.clear();
  std::uint64_t at = head_;
  for (std::size_t i = 0; i < kMaxStubs && at != 0; ++i) {
    const auto desc = memory_.read<Desc>(ProcessAddr{at});
    if (!desc) break;
    for (const std::size_t begin : kBegins) {
      const std::uint64_t low = desc->at(begin);
      const std::uint64_t high = desc->at(begin + 1);
      if (low < code_low_ || low >= high || high > code_high_) continue;
      const auto group = process::read_c_string(memory_, ProcessAddr{desc->at(kGroup)}, kMaxName);
      const auto name = process::read_c_string(memory_, ProcessAddr{desc->at(kName)}, kMaxName);
      if (group && name) stubs_.push_back({low, high, *group + "::" + *name});
      break;
    }
    at = desc->at(kNext);
  }
  std::ranges::sort(stubs_, {}, &Stub::begin);
}

const StubNames::Stub* StubNames::find_in_list(std::uint64_t pc) const {
  auto next = std::ranges::upper_bound(stubs_, pc, {}, &Stub::begin);
  if (next == stubs_.begin()) return nullptr;
  const Stub& stub = *std::prev(next);
  return pc < stub.end ? &stub : nullptr;
}

std::optional<std::string> StubNames::find(ProcessAddr blob, std::uint64_t pc) {
  if (list_) {
    // Stubs are put in front of the list, when the JVM starts and some (JDK 21+) when C2 does.
    const std::uint64_t head = memory_.read<std::uint64_t>(*list_).value_or(0);
    if (head != head_) {
      head_ = head;
      load_list();
    }
    if (const Stub* stub = find_in_list(pc)) return stub->name;
  }
  const auto name_at = memory_.read<std::uint64_t>(ProcessAddr{blob.value + layout_.name.offset});
  if (!name_at) return std::nullopt;
  const auto known = blob_names_.find(*name_at);
  if (known != blob_names_.end()) return known->second;
  auto name = process::read_c_string(memory_, ProcessAddr{*name_at}, kMaxName);
  if (!name || name->empty()) return std::nullopt;
  if (blob_names_.size() >= kMaxNames) blob_names_.clear();
  blob_names_[*name_at] = *name;
  return name;
}

}  // namespace jtrace::jvmsym::hotspot
