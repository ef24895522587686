// SPDX-License-Identifier: Apache-2.0
#include "integration/support/churn.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <span>
#include <sstream>
#include <string_view>

namespace jtrace::test {
namespace {

constexpr int kDepth = 5;  // of NameChurn: run, m_1 .. m_5
constexpr std::size_t kSerialDigits = 7;
constexpr std::size_t kExamples = 10;
constexpr std::string_view kDrive = "truth/NameChurn.drive";
constexpr std::string_view kOpen = "truth/NameChurn.open";

struct Generated {
  int serial = 0;
  int depth = 0;  // 0: run
};

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool looks_generated(std::string_view name) {
  return name.starts_with("truth/C0") || name.starts_with("truth/C1");
}

// "truth/C0000012.m0000012_3", whose two serials must be one.
std::optional<Generated> parse(std::string_view name) {
  constexpr std::string_view kPackage = "truth/C";
  if (!name.starts_with(kPackage) || name.size() < kPackage.size() + kSerialDigits + 1) return {};
  const auto serial_text = name.substr(kPackage.size(), kSerialDigits);
  const auto serial = number(serial_text);
  const auto method = name.substr(kPackage.size() + kSerialDigits + 1);
  if (!serial) return {};
  if (method == "run") return Generated{*serial, 0};
  if (method.size() != kSerialDigits + 3 || method[0] != 'm' ||
      method.substr(1, kSerialDigits) != serial_text) {
    return {};
  }
  const auto depth = number(method.substr(kSerialDigits + 2));
  if (!depth) return {};
  return Generated{*serial, *depth};
}

bool unnamed(const Frame& frame) { return frame.name.starts_with("[unknown]"); }

// The frames between drive() and open() of one stack. Empty where they may be true, else why not.
std::string fault(std::span<const Frame> chain, std::optional<int>& serial) {
  bool whole = true;
  int last = -1;
  for (const Frame& frame : chain) {
    if (unnamed(frame)) {
      whole = false;
      continue;
    }
    const auto one = parse(frame.name);
    if (!one) return frame.name + " is no method of the chain";
    if (serial && *serial != one->serial) return "methods of two classes";
    serial = one->serial;
    if (one->depth <= last || one->depth > kDepth) return frame.name + " in the wrong place";
    if (whole && one->depth != last + 1) return "a method is missing before " + frame.name;
    last = one->depth;
  }
  return whole && last != kDepth ? "the chain is not whole" : "";
}

}  // namespace

std::vector<std::string> name_churn(const Jdk& jdk, const ChurnRun& run) {
  std::vector<std::string> flags = run.flags;
  flags.emplace_back("-Xmx128m");
  return java_command(jdk, flags,
                      {"truth.NameChurn", std::to_string(run.classes), std::to_string(run.threads),
                       std::to_string(run.every), std::to_string(run.linger.count())});
}

std::uint64_t ChurnVerdict::frames() const {
  std::uint64_t all = named;
  for (const auto& [text, count] : unnamed) all += count;
  return all;
}

double ChurnVerdict::share(std::uint64_t part) const {
  return frames() == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(frames());
}

std::string ChurnVerdict::text() const {
  std::string text =
      fmt::format("{} opens, {} chains: {} frames, {:.3f} % named ({} compiled), {} stacks wrong\n",
                  opens, chains, frames(), share(named), compiled, wrong);
  for (const auto& [reason, count] : unnamed) {
    fmt::format_to(std::back_inserter(text), "  {}: {:.3f} %\n", reason, share(count));
  }
  for (const std::string& example : examples) text += "  wrong: " + example + "\n";
  return text;
}

ChurnVerdict& ChurnVerdict::operator+=(const ChurnVerdict& other) {
  opens += other.opens;
  chains += other.chains;
  named += other.named;
  compiled += other.compiled;
  wrong += other.wrong;
  for (const auto& [reason, count] : other.unnamed) unnamed[reason] += count;
  examples.insert(examples.end(), other.examples.begin(), other.examples.end());
  examples.resize(std::min(examples.size(), kExamples));
  return *this;
}

Result<ChurnVerdict> judge_churn(const std::string& target_output,
                                 const std::vector<Stack>& stacks) {
  ChurnVerdict verdict;
  std::map<int, std::uint64_t> performed;
  std::istringstream lines(target_output);
  for (std::string line; std::getline(lines, line);) {
    int serial = 0;
    std::uint64_t count = 0;
    if (std::istringstream(line.starts_with("opens ") ? line.substr(6) : "") >> serial >> count) {
      performed[serial] = count;
      verdict.opens += count;
    }
  }
  if (verdict.opens == 0) return fail(Errc::Target, "NameChurn says nothing: " + target_output);
  const auto wrong = [&](const Stack& stack, const std::string& why) {
    verdict.wrong += stack.count;
    if (verdict.examples.size() < kExamples) {
      verdict.examples.push_back(fmt::format("{}: {} x {}", why, stack.count, to_text(stack)));
    }
  };
  std::map<int, std::uint64_t> counted;
  for (const Stack& stack : stacks) {
    const auto drive = std::ranges::find(stack.frames, kDrive, &Frame::name);
    const auto open = std::ranges::find(stack.frames, kOpen, &Frame::name);
    const auto strays = std::ranges::count_if(
        stack.frames, [](const Frame& frame) { return looks_generated(frame.name); });
    std::optional<int> serial;
    std::string why;
    if (drive < open && open != stack.frames.end()) {
      const std::span<const Frame> chain(drive + 1, open);
      why = fault(chain, serial);
      ++verdict.chains;
      const auto inside = std::ranges::count_if(
          chain, [](const Frame& frame) { return looks_generated(frame.name); });
      if (why.empty() && inside != strays) why = "a generated method outside the chain";
      for (const Frame& frame : chain) {
        if (unnamed(frame)) {
          verdict.unnamed[frame.name] += stack.count;
        } else {
          verdict.named += stack.count;
          if (frame.kind != FrameKind::Interpreted) verdict.compiled += stack.count;
        }
      }
    } else if (strays != 0) {
      // Its neighbours have no name; it must be true all the same.
      for (const Frame& frame : stack.frames) {
        if (!looks_generated(frame.name)) continue;
        const auto one = parse(frame.name);
        if (!one || (serial && *serial != one->serial)) why = "methods of two classes";
        if (one) serial = one->serial;
        verdict.named += stack.count;
      }
    }
    if (!why.empty()) {
      wrong(stack, why);
      continue;
    }
    // The JVM opens files of its own under any method, such as those of cgroups.
    if (!serial || open == stack.frames.end()) continue;
    counted[*serial] += stack.count;
    if (counted[*serial] > performed[*serial]) {
      wrong(stack, fmt::format("class {} opened {} times only", *serial, performed[*serial]));
    }
  }
  return verdict;
}

}  // namespace jtrace::test
