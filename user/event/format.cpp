// SPDX-License-Identifier: Apache-2.0
#include "event/format.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <optional>

#include "base/privileges.h"
#include "base/rights.h"

namespace jtrace::event {
namespace {

// The longest of 2300 formats has 5.5 KB, nearly all of it print fmt.
constexpr std::size_t kMaxText = 1U << 20;
constexpr std::size_t kMaxFields = 256;
constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxType = 256;
// A perf record holds no more (PERF_MAX_TRACE_SIZE is 8 KiB).
constexpr std::uint32_t kMaxRecord = 64U << 10;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The next "key:value" before a ';'.
std::optional<std::string_view> take(std::string_view& line, std::string_view key) {
  line = trim(line);
  if (!line.starts_with(key)) return std::nullopt;
  const std::size_t end = line.find(';');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view value = trim(line.substr(key.size(), end - key.size()));
  line.remove_prefix(end + 1);
  return value;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// "char prev_comm[16]", "__data_loc char[] filename", "const char * filename".
bool read_declaration(std::string_view text, Field& field) {
  const bool data_loc = take_prefix(text, "__data_loc ");
  const bool rel_loc = !data_loc && take_prefix(text, "__rel_loc ");
  std::string_view array;
  if (text.ends_with(']')) {
    const std::size_t open = text.rfind('[');
    if (open == std::string_view::npos) return false;
    array = text.substr(open);
    text = trim(text.substr(0, open));
  }
  std::size_t start = text.size();
  while (start > 0 && is_word(text[start - 1])) --start;
  const std::string_view name = text.substr(start);
  const std::string_view type = trim(text.substr(0, start));
  if (name.empty() || name.size() > kMaxName || type.empty() || type.size() > kMaxType ||
      std::isdigit(static_cast<unsigned char>(name.front())) != 0 ||
      !std::ranges::all_of(type, [](char c) { return c >= ' ' && c <= '~'; })) {
    return false;
  }
  field.name = name;
  field.type = type;
  if (data_loc || rel_loc) {
    field.shape = data_loc ? Field::Shape::DataLoc : Field::Shape::RelLoc;
    field.elements = 0;
  } else if (!array.empty()) {
    field.shape = Field::Shape::Array;
    // Older kernels print the expression ("[TASK_COMM_LEN]"): only the size tells then.
    const auto elements = number(trim(array.substr(1, array.size() - 2)));
    field.elements = elements.value_or(0);
    field.type += elements ? "[" + std::to_string(*elements) + "]" : "[]";
  } else if (type.ends_with('*')) {
    field.shape = Field::Shape::Pointer;
  }
  return true;
}

std::optional<Field> read_field(std::string_view line) {
  Field field;
  const auto declaration = take(line, "field:");
  if (!declaration || !read_declaration(*declaration, field)) return std::nullopt;
  const auto offset = take(line, "offset:");
  const auto size = take(line, "size:");
  if (!offset || !size) return std::nullopt;
  const auto offset_value = number(*offset);
  const auto size_value = number(*size);
  if (!offset_value || !size_value || *offset_value > kMaxRecord || *size_value > kMaxRecord) {
    return std::nullopt;
  }
  const bool loc = field.shape == Field::Shape::DataLoc || field.shape == Field::Shape::RelLoc;
  if (loc && *size_value != sizeof(std::uint32_t)) return std::nullopt;
  field.offset = *offset_value;
  field.size = *size_value;
  field.is_signed = take(line, "signed:") == "1";
  field.common = field.name.starts_with("common_");
  return field;
}

std::optional<std::string> read_all(int directory, const std::string& path) {
  const Raised rights({Capability::DacReadSearch});
  const UniqueFd fd(
      ::openat(directory, path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  std::string text;
  std::array<char, 16 * 1024> chunk;
  while (text.size() < kMaxText) {
    const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(n));
  }
  errno = EFBIG;
  return std::nullopt;
}

}  // namespace

const Field* Format::find(std::string_view field) const {
  const auto found = std::ranges::find(fields, field, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

Format parse_format(std::string_view text) {
  Format format;
  constexpr std::string_view kPrint = "print fmt:";
  while (!text.empty()) {
    if (text.starts_with(kPrint)) {
      format.print = parse_print_format(text.substr(kPrint.size()));
      break;
    }
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = trim(line);
    if (take_prefix(line, "name:")) {
      format.name = trim(line).substr(0, kMaxName);
    } else if (take_prefix(line, "ID:")) {
      format.id = number(trim(line)).value_or(0);
    } else if (line.starts_with("field")) {
      auto field = read_field(line);
      if (field && !format.find(field->name) && format.fields.size() < kMaxFields) {
        format.fields.push_back(std::move(*field));
      } else {
        ++format.skipped;
      }
    }
  }
  return format;
}

Result<Format> read_format(const Tracefs& tracefs, const Tracepoint& tracepoint) {
  const std::string path = "events/" + tracepoint.category + "/" + tracepoint.name + "/format";
  const auto text = read_all(tracefs.directory(), path);
  if (!text) {
    return refused("tracefs is not readable: " + path, errno, {Capability::DacReadSearch},
                   "tracefs");
  }
  return parse_format(*text);
}

}  // namespace jtrace::event
