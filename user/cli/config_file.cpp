// SPDX-License-Identifier: Apache-2.0
#include "cli/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace jtrace::cli {
namespace {

constexpr const char* kHint = "a line is KEY = VALUE, e.g. max-depth = 64 or cstack = \"fp\"";

constexpr std::array<std::pair<char, char>, 7> kEscapes{
    {{'b', '\b'}, {'t', '\t'}, {'n', '\n'}, {'f', '\f'}, {'r', '\r'}, {'"', '"'}, {'\\', '\\'}}};

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// One line, read from the left. Errors are texts without place; the caller knows the line.
class LineReader {
 public:
  using Text = std::expected<std::string, std::string>;

  explicit LineReader(std::string_view line) : rest_(line) {}

  // Nothing but blanks and a comment is left.
  bool at_end() {
    skip_blanks();
    return rest_.empty() || rest_.front() == '#';
  }
  bool take(char c) {
    skip_blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string key() { return run(is_key_char); }

  std::expected<ConfigEntry, std::string> value() {
    ConfigEntry entry;
    if (take('[')) {
      entry.kind = ConfigEntry::Kind::Array;
      while (!take(']')) {
        auto element = string();
        if (!element) return std::unexpected(std::move(element).error());
        entry.values.push_back(std::move(*element));
        if (!take(',') && !rest_.starts_with(']')) {
          return std::unexpected("an array is [\"A\", \"B\"] on one line");
        }
      }
      return entry;
    }
    skip_blanks();
    if (rest_.starts_with('"') || rest_.starts_with('\'')) {
      auto text = string();
      if (!text) return std::unexpected(std::move(text).error());
      entry.values.push_back(std::move(*text));
      return entry;
    }
    return bare();
  }

 private:
  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
  }

  template <class Predicate>
  std::string run(Predicate belongs) {
    skip_blanks();
    const auto* end = std::ranges::find_if_not(rest_, belongs);
    std::string text(rest_.begin(), end);
    rest_.remove_prefix(text.size());
    return text;
  }

  std::expected<ConfigEntry, std::string> bare() {
    const std::string word = run([](char c) { return is_key_char(c) || c == '+' || c == '.'; });
    const bool number = !word.empty() &&
                        word.find_first_not_of("0123456789") == std::string::npos &&
                        (word.size() == 1 || word.front() != '0');
    const bool boolean = word == "true" || word == "false";
    if (!number && !boolean) {
      return std::unexpected("the value is no string in quotes, whole number, true or false");
    }
    ConfigEntry entry;
    entry.kind = number ? ConfigEntry::Kind::Number : ConfigEntry::Kind::Boolean;
    entry.values.push_back(word);
    return entry;
  }

  Text string() {
    skip_blanks();
    const bool literal = rest_.starts_with('\'');
    if (!literal && !rest_.starts_with('"')) return std::unexpected("a string stands in quotes");
    const char quote = rest_.front();
    rest_.remove_prefix(1);
    std::string text;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == quote) return text;
      if (is_control(c) && c != '\t') return std::unexpected("a control character in a string");
      if (c != '\\' || literal) {
        text += c;
      } else if (!escape(text)) {
        return std::unexpected(
            "an escape in a string is one of \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX");
      }
    }
    return std::unexpected("the string has no end");
  }

  // What follows a backslash. \u takes what one UTF-16 unit can say alone.
  bool escape(std::string& text) {
    if (rest_.empty()) return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (c == 'u') return unicode(text);
    const auto* found = std::ranges::find(kEscapes, c, &std::pair<char, char>::first);
    if (found == kEscapes.end()) return false;
    text += found->second;
    return true;
  }

  bool unicode(std::string& text) {
    constexpr std::size_t kDigits = 4;
    unsigned code = 0;
    const std::string_view digits = rest_.substr(0, kDigits);
    const auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc{} || stop != digits.data() + kDigits) return false;
    if (code == 0 || (code >= 0xd800 && code < 0xe000)) return false;
    rest_.remove_prefix(kDigits);
    const auto byte = [&text](unsigned value) { text += static_cast<char>(value); };
    if (code < 0x80) {
      byte(code);
    } else if (code < 0x800) {
      byte(0xc0 | code >> 6);
      byte(0x80 | (code & 0x3f));
    } else {
      byte(0xe0 | code >> 12);
      byte(0x80 | (code >> 6 & 0x3f));
      byte(0x80 | (code & 0x3f));
    }
    return true;
  }

  std::string_view rest_;
};

std::expected<ConfigEntry, std::string> parse_line(LineReader& reader) {
  if (reader.take('[')) return std::unexpected("there are no tables");
  std::string key = reader.key();
  if (key.empty()) return std::unexpected("the line begins with no key");
  if (!reader.take('=')) return std::unexpected("no '=' after '" + key + "'");
  auto entry = reader.value();
  if (!entry) return std::unexpected(key + ": " + entry.error());
  if (!reader.at_end()) return std::unexpected(key + ": something follows the value");
  entry->key = std::move(key);
  return entry;
}

}  // namespace

Result<std::vector<ConfigEntry>> parse_config(std::string_view text, const std::string& file) {
  std::vector<ConfigEntry> entries;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    LineReader reader(line);
    if (reader.at_end()) continue;
    const std::string place = fmt::format("{}:{}: ", file, number);
    auto entry = parse_line(reader);
    if (!entry) return fail(Errc::Usage, place + entry.error(), kHint);
    entry->line = number;
    const auto twin = std::ranges::find(entries, entry->key, &ConfigEntry::key);
    if (twin != entries.end()) {
      return fail(Errc::Usage,
                  fmt::format("{}{} is set in line {} already", place, entry->key, twin->line));
    }
    entries.push_back(std::move(*entry));
  }
  return entries;
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.append("\\").append(1, c);
    } else if (is_control(c)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace jtrace::cli
