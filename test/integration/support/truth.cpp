// SPDX-License-Identifier: Apache-2.0
#include "integration/support/truth.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <map>
#include <utility>

namespace jtrace::test {
namespace {

// Frames that are on the stack but in no stack trace: methods with the JVM's @Hidden, which are
// what lambda forms are made of, and from JDK 18, 20 and 25 on three others.
bool hidden(const Frame& frame) {
  constexpr std::array<std::string_view, 7> kHidden{
      "java/lang/invoke/LambdaForm$",
      "java/lang/invoke/Invokers$Holder.",
      "java/lang/invoke/DirectMethodHandle$Holder.",
      "java/lang/invoke/DelegatingMethodHandle$Holder.",
      "jdk/internal/foreign/abi/DowncallStub.",
      "jdk/internal/reflect/DirectMethodHandleAccessor.invokeImpl",
      "java/lang/Thread.runWith"};
  return std::ranges::any_of(kHidden, [&](auto form) { return frame.name.starts_with(form); });
}

// A call that the JVM made where the path had not come to its end yet: to have a method compiled,
// to get memory. Its Java frames are the first ones of the path; where a method is handed to the
// compilers they may have left it behind the marker (for Thread.beforeSleep, before sleep0).
bool on_the_way(const TruthPath& path, const Stack& stack) {
  auto expected = path.frames.rbegin();
  const bool compile_request = std::ranges::any_of(
      stack.frames, [](const Frame& frame) { return frame.name.starts_with("CompileBroker::"); });
  bool at_marker = false;
  for (const Frame& frame : stack.frames) {
    if (!frame.java()) continue;
    if (expected == path.frames.rend()) return false;
    at_marker = at_marker || glob(path.marker, frame.name);
    if (glob(*expected, frame.name))
      ++expected;
    else if (!hidden(frame))
      return at_marker && compile_request;
  }
  return expected != path.frames.rend();
}

std::string java_mismatch(const TruthPath& path, const Stack& stack) {
  auto expected = path.frames.begin();
  // The whole chain is known where the JVM told hidden frames, too; TruthOpens names no event.
  const bool strict = !path.event.empty() && path.frames.front() != path.marker;
  bool java_seen = false;
  bool native_leaf = false;
  for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend(); ++frame) {
    if (!frame->java()) {
      native_leaf = native_leaf || !java_seen;
      continue;
    }
    java_seen = true;
    if (expected != path.frames.end() && glob(*expected, frame->name)) {
      ++expected;
    } else if (strict || !hidden(*frame)) {
      return fmt::format("{} where {} should be", frame->name,
                         expected == path.frames.end() ? "no more Java" : *expected);
    }
  }
  if (expected != path.frames.end()) return *expected + " is missing";
  // The native method's C function at least, and what it calls.
  if (!native_leaf) return "no native frames at the leaf";
  return {};
}

using Frames = std::vector<Frame>::const_reverse_iterator;
using Names = std::vector<std::string>::const_iterator;

// Do the expected frames stand at `frame`, without gaps but those of "*"?
bool native_match(Names expected, Names expected_end, Frames frame, Frames end) {
  for (; expected != expected_end; ++expected, ++frame) {
    if (*expected == "*") {
      for (; frame != end; ++frame) {
        if (native_match(expected + 1, expected_end, frame, end)) return true;
      }
      return expected + 1 == expected_end;
    }
    if (frame == end || !glob(*expected, frame->name)) return false;
  }
  return true;
}

std::string native_mismatch(const TruthPath& path, const Stack& stack) {
  // What libc puts between our leaf function and the system call: open64, a cancellation wrapper.
  constexpr std::ptrdiff_t kLeafFrames = 3;
  auto frame = stack.frames.rbegin();
  const auto last = frame + std::min(kLeafFrames, std::ssize(stack.frames));
  for (; frame <= last; ++frame) {
    if (native_match(path.frames.begin(), path.frames.end(), frame, stack.frames.rend())) return {};
  }
  return fmt::format("frames are not the {} expected ones from {} to {}", path.frames.size(),
                     path.frames.front(), path.frames.back());
}

// For a person: equal neighbours once, with their number.
std::string summary(const Stack& stack) {
  std::string text;
  for (auto frame = stack.frames.begin(); frame != stack.frames.end();) {
    const auto next = std::find_if(frame, stack.frames.end(),
                                   [&](const Frame& other) { return other.name != frame->name; });
    if (!text.empty()) text += ';';
    text += to_text({{*frame}, 0});
    if (next - frame > 1) fmt::format_to(std::back_inserter(text), " x {}", next - frame);
    frame = next;
  }
  constexpr std::size_t kEnd = 1500;
  if (text.size() <= 2 * kEnd) return text;
  return text.substr(0, kEnd) + " ... " + text.substr(text.size() - kEnd);
}

// All that has one marker; which line a stack fits is counted per line.
struct Group {
  PathFigures figures;
  std::vector<const TruthPath*> paths;
  std::vector<std::uint64_t> fitting;  // stacks that fit each of them
};

void judge_stack(Group& group, const Stack& stack, Chain chain, const ThreadEntries& entries) {
  group.figures.counted += stack.count;
  std::string why = not_whole(stack, entries);
  for (std::size_t i = 0; why.empty() && i < group.paths.size(); ++i) {
    const TruthPath& path = *group.paths[i];
    const std::string mismatch =
        chain == Chain::Java ? java_mismatch(path, stack) : native_mismatch(path, stack);
    if (mismatch.empty()) {
      group.fitting[i] += stack.count;
      return;
    }
    if (path.at_least && on_the_way(path, stack)) {
      group.figures.counted -= stack.count;
      return;
    }
    if (i + 1 == group.paths.size()) why = mismatch;
  }
  if (group.figures.example.empty()) {
    group.figures.example = why + ": " + summary(stack);
  }
}

Group* group_of(std::map<std::string, Group*, std::less<>>& by_marker, const Stack& stack) {
  for (const Frame& frame : stack.frames) {
    const auto group = by_marker.find(frame.name);
    if (group != by_marker.end()) return group->second;
  }
  return nullptr;
}

PathFigures figures(Group& group) {
  for (std::size_t i = 0; i < group.paths.size(); ++i) {
    if (group.paths[i]->at_least) {
      group.figures.performed = std::max(group.figures.performed, group.figures.counted);
      group.figures.whole += group.fitting[i];
      continue;
    }
    const std::uint64_t performed = group.paths[i]->count;
    // More stacks than opens of one line have taken the place of another's.
    group.figures.whole += std::min(group.fitting[i], performed);
    if (group.fitting[i] > performed && group.figures.example.empty()) {
      group.figures.example = fmt::format("{} of {} opens: {}", group.fitting[i], performed,
                                          fmt::join(group.paths[i]->frames, ";"));
    }
  }
  return std::move(group.figures);
}

std::uint64_t sum(const std::vector<PathFigures>& paths, std::uint64_t PathFigures::* field) {
  std::uint64_t total = 0;
  for (const PathFigures& path : paths) total += path.*field;
  return total;
}

}  // namespace

Result<std::vector<TruthPath>> parse_truth(std::string_view text) {
  std::vector<TruthPath> paths;
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with("PATH ") && !line.starts_with("NATIVE ")) continue;
    const auto words = split(line, ' ');
    TruthPath path;
    const bool number =
        (words.size() == 4 || words.size() == 5) &&
        std::from_chars(words[2].data(), words[2].data() + words[2].size(), path.count).ec ==
            std::errc();
    if (!number) return fail(Errc::Internal, "truth: " + std::string(line));
    path.marker = words[1];
    path.at_least = words[2].ends_with('+');
    if (words.size() == 5) path.event = words[4];
    if (words[0] == "NATIVE") path.chain = Chain::Native;
    for (std::string_view frame : split(words[3], ';')) path.frames.emplace_back(frame);
    paths.push_back(std::move(path));
  }
  if (paths.empty()) return fail(Errc::Internal, "truth: no PATH line");
  return paths;
}

bool glob(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 1);
  for (text.remove_prefix(star);; text.remove_prefix(1)) {
    if (glob(pattern, text)) return true;
    if (text.empty()) return false;
  }
}

std::string not_whole(const Stack& stack, const ThreadEntries& entries) {
  for (const Frame& frame : stack.frames) {
    if (frame.name.starts_with('[')) return "marker " + frame.name;
  }
  const Frame& root = stack.frames.front();
  if (!entries.is_entry(root.name)) return "root " + root.name + " is no thread's entry";
  return {};
}

Verdict judge(const std::vector<TruthPath>& truth, const std::vector<Stack>& stacks, Chain chain,
              const ThreadEntries& entries) {
  std::vector<Group> groups;
  groups.reserve(truth.size());  // pointers to them are kept
  std::map<std::string, Group*, std::less<>> by_marker;
  for (const TruthPath& path : truth) {
    Group*& group = by_marker[path.marker];
    if (group == nullptr) {
      groups.push_back({{path.marker, 0, 0, 0, {}}, {}, {}});
      group = &groups.back();
    }
    group->figures.performed += path.count;
    group->paths.push_back(&path);
    group->fitting.push_back(0);
  }
  Verdict verdict;
  for (const Stack& stack : stacks) {
    if (Group* group = group_of(by_marker, stack)) {
      judge_stack(*group, stack, chain, entries);
    } else {
      verdict.others.push_back(stack);
    }
  }
  for (Group& group : groups) verdict.paths.push_back(figures(group));
  return verdict;
}

Verdict judge_events(const std::vector<TruthPath>& truth, const std::vector<Stack>& stacks,
                     const std::vector<std::string>& events, const ThreadEntries& entries) {
  std::map<std::pair<std::string, Chain>, std::vector<TruthPath>> by_event;
  std::map<std::string, Group*, std::less<>> markers;
  Group any;
  for (const TruthPath& path : truth) {
    by_event[{path.event, path.chain}].push_back(path);
    markers[path.marker] = &any;
  }
  Verdict all;
  for (const auto& [key, paths] : by_event) {
    std::vector<Stack> theirs = stacks;
    if (events.size() > 1) {
      theirs.clear();
      for (std::string_view event : split(key.first, '|')) {
        std::ranges::move(only_event(stacks, "syscalls:" + std::string(event)),
                          std::back_inserter(theirs));
      }
    }
    Verdict verdict = judge(paths, theirs, key.second, entries);
    std::ranges::move(verdict.paths, std::back_inserter(all.paths));
  }
  std::ranges::copy_if(stacks, std::back_inserter(all.others),
                       [&](const Stack& stack) { return group_of(markers, stack) == nullptr; });
  return all;
}

std::uint64_t Verdict::performed() const { return sum(paths, &PathFigures::performed); }
std::uint64_t Verdict::counted() const { return sum(paths, &PathFigures::counted); }
std::uint64_t Verdict::whole() const { return sum(paths, &PathFigures::whole); }

std::uint64_t Verdict::others_count() const {
  std::uint64_t total = 0;
  for (const Stack& stack : others) total += stack.count;
  return total;
}

std::string Verdict::miscounts() const {
  std::string text;
  for (const PathFigures& path : paths) {
    if (path.counted == path.performed) continue;
    fmt::format_to(std::back_inserter(text), "{}: {} performed, {} counted\n", path.marker,
                   path.performed, path.counted);
  }
  return text;
}

std::string Verdict::table() const {
  std::string text = fmt::format("{:<34} {:>10} {:>10} {:>10} {:>9}\n", "path", "performed",
                                 "counted", "whole", "whole %");
  const auto row = [&](const PathFigures& path) {
    const double share = path.performed == 0 ? 0
                                             : 100.0 * static_cast<double>(path.whole) /
                                                   static_cast<double>(path.performed);
    fmt::format_to(std::back_inserter(text), "{:<34} {:>10} {:>10} {:>10} {:>9.3f}\n", path.marker,
                   path.performed, path.counted, path.whole, share);
  };
  for (const PathFigures& path : paths) row(path);
  row({"all paths", performed(), counted(), whole(), {}});
  fmt::format_to(std::back_inserter(text), "others: {} in {} stacks\n", others_count(),
                 others.size());
  for (const PathFigures& path : paths) {
    if (path.example.empty()) continue;
    fmt::format_to(std::back_inserter(text), "not whole in {}: {}\n", path.marker, path.example);
  }
  return text;
}

std::vector<Stack> only_event(const std::vector<Stack>& stacks, std::string_view event) {
  std::vector<Stack> result;
  for (const Stack& stack : stacks) {
    if (stack.frames.back().name != event) continue;
    result.push_back(stack);
    result.back().frames.pop_back();
    if (result.back().frames.empty()) result.pop_back();
  }
  return result;
}

}  // namespace jtrace::test
