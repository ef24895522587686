// SPDX-License-Identifier: Apache-2.0
#include "session/file_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

namespace jtrace::session {
namespace {

constexpr const char* kHint =
    "%p process, %t time, %h host, %n{MAX} number, %{NAME} environment variable, %% a percent sign";

// As messages show it: one line that steers no terminal.
std::string shown(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return out;
}

// A host or a variable may hold anything; a path part that is a directory's name or "..", or one
// that hides the file, is not what the pattern's author sees in it.
std::string path_part(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](unsigned char c) { return c == '/' || c < 0x20 || c == 0x7f; }, '_');
  if (out.starts_with('.')) out.front() = '_';
  return out;
}

class Expander {
 public:
  Expander(const std::string& pattern, const PatternFacts& facts)
      : pattern_(pattern), rest_(pattern), facts_(facts) {}

  Result<std::string> operator()() {
    std::string out;
    while (true) {
      const std::size_t percent = std::min(rest_.find('%'), rest_.size());
      out += rest_.substr(0, percent);
      rest_.remove_prefix(percent);
      if (rest_.empty()) return out;
      rest_.remove_prefix(1);
      const std::string_view from = rest_;
      JT_TRY(std::string part, expand());
      if (facts_.of_window || facts_.of_process) part = kept(from, part);
      out += part;
    }
  }

 private:
  std::unexpected<Error> wrong(const std::string& why, std::string hint = kHint) const {
    return fail(Errc::Usage, fmt::format("-f '{}': {}", shown(pattern_), why), std::move(hint));
  }

  // Of the files of windows and processes: what each of them expands, and no percent sign of
  // anything else.
  [[nodiscard]] std::string kept(std::string_view from, const std::string& part) const {
    const char what = from.front();
    const bool its =
        what == 'p' ? facts_.of_process : facts_.of_window && (what == 't' || what == 'n');
    if (its || what == '%') {
      return "%" + std::string(from.substr(0, from.size() - rest_.size()));
    }
    std::string out;
    for (const char c : part) out += c == '%' ? std::string("%%") : std::string(1, c);
    return out;
  }

  // What follows a percent sign.
  Result<std::string> expand() {
    if (rest_.empty()) return wrong("a % at the end");
    const char c = rest_.front();
    if (c == '{') return variable();
    rest_.remove_prefix(1);
    switch (c) {
      case '%':
        return "%";
      case 'p':
        return facts_.process.empty() ? std::to_string(facts_.pid) : facts_.process;
      case 't':
        return file_stamp(facts_.time) +
               (facts_.again == 0 ? "" : fmt::format("-{}", facts_.again));
      case 'h':
        return path_part(facts_.host);
      case 'n':
        return number();
      default:
        return wrong(fmt::format("unknown %{}", shown({&c, 1})));
    }
  }

  // "{TEXT}", or nullopt where there is no end.
  std::optional<std::string> braces() {
    const std::size_t end = rest_.find('}');
    if (end == std::string_view::npos) return std::nullopt;
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  Result<std::string> variable() {
    const auto name = braces();
    if (!name) return wrong("a %{ without its }");
    if (name->empty()) return wrong("%{} names no environment variable");
    const char* value = facts_.environment ? facts_.environment(name->c_str()) : nullptr;
    if (value == nullptr || *value == 0) {
      return wrong(fmt::format("the environment variable {} is not set", shown(*name)),
                   "sudo passes on only what it is told to: sudo --preserve-env=NAME");
    }
    return path_part(value);
  }

  Result<std::string> number() {
    if (!rest_.starts_with('{')) return std::to_string(facts_.number);
    const auto text = braces();
    if (!text) return wrong("a %n{ without its }");
    std::uint32_t most = 0;
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, most);
    if (error != std::errc{} || stop != end || most == 0) {
      return wrong(fmt::format("%n{{{}}} takes a number from 1", shown(*text)));
    }
    return std::to_string(facts_.number % most);
  }

  const std::string& pattern_;
  std::string_view rest_;
  const PatternFacts& facts_;
};

}  // namespace

std::string file_stamp(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:04}{:02}{:02}-{:02}{:02}{:02}", local.tm_year + 1900, local.tm_mon + 1,
                     local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
}

Varies varies(const std::string& pattern) {
  Varies how = Varies::No;
  for (std::size_t at = pattern.find('%'); at != std::string::npos && at + 1 < pattern.size();
       at = pattern.find('%', at + 2)) {
    const std::string_view rest = std::string_view(pattern).substr(at + 1);
    if (rest.front() == 't' && how == Varies::No) how = Varies::ByTime;
    if (rest.front() == 'n') return rest.starts_with("n{") ? Varies::InTurns : Varies::ByNumber;
  }
  return how;
}

bool tells_processes(const std::string& pattern) {
  for (std::size_t at = pattern.find('%'); at != std::string::npos && at + 1 < pattern.size();
       at = pattern.find('%', at + 2)) {
    if (pattern[at + 1] == 'p') return true;
  }
  return false;
}

PatternNames names_of(const std::string& pattern) {
  PatternNames names;
  std::string& out = names.expression;
  int groups = 0;
  const auto group = [&](int& which, const std::string& what) {
    const bool first = which == 0;
    if (first) which = ++groups;
    out += first ? "(" + what + ")" : "(?:" + what + ")";
  };
  std::string_view rest = pattern;
  rest = rest.substr(rest.rfind('/') + 1);
  const auto literal = [&out](char c) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain || (static_cast<unsigned char>(c) & 0x80) != 0 ? std::string(1, c)
                                                                : std::string{'\\', c};
  };
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c != '%' || rest.empty()) {
      literal(c);
      continue;
    }
    const char what = rest.front();
    rest.remove_prefix(1);
    if (what == 't') {
      out += "[0-9]{8}-[0-9]{6}(?:-[0-9]+)?";
    } else if (what == 'n') {
      if (rest.starts_with('{')) rest.remove_prefix(std::min(rest.find('}') + 1, rest.size()));
      group(names.number, "[0-9]+");
    } else if (what == 'p') {
      group(names.process, std::string("[0-9]+|") + kRestOfProcesses);
    } else {
      literal(what);
    }
  }
  return names;
}

Result<std::string> expand_file_pattern(const std::string& pattern, const PatternFacts& facts) {
  return Expander(pattern, facts)();
}

}  // namespace jtrace::session
