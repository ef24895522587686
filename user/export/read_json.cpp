// SPDX-License-Identifier: Apache-2.0
// Our json, and the data of our page.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "export/diff.h"
#include "export/exporter.h"
#include "export/formats.h"
#include "export/histogram.h"
#include "export/packed.h"
#include "export/reading.h"

namespace jtrace::exporting {
namespace {

using Json = nlohmann::json;
using profile::FrameKind;

// The library's own accessors throw where a member is of another type; these give the empty value.
const Json& member(const Json& object, const char* key) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto it = object.find(key);
  return it == object.end() ? none : *it;
}
std::string text(const Json& value) {
  return value.is_string() ? plain_text(value.get_ref<const std::string&>()) : std::string();
}
std::int64_t number(const Json& value) {
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}
std::optional<std::size_t> index(const Json& value, std::size_t limit) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const auto at = value.get<std::size_t>();
  return at < limit ? std::optional(at) : std::nullopt;
}

FrameKind kind_of(const Json& name) {
  for (int i = 0; i <= static_cast<int>(FrameKind::Unknown); ++i) {
    const auto kind = static_cast<FrameKind>(i);
    if (name.is_string() && name.get_ref<const std::string&>() == kind_name(kind)) return kind;
  }
  return FrameKind::Unknown;
}

std::unexpected<Error> spoiled() { return fail(Errc::Usage, "the data of the profile is damaged"); }

std::size_t index_of(const std::vector<profile::ValueType>& types, const std::string& name) {
  const auto it = std::ranges::find(types, name, &profile::ValueType::type);
  return it == types.end() ? 0 : static_cast<std::size_t>(it - types.begin());
}

profile::Profile about_json(const Json& file) {
  profile::Profile about;
  const Json& header = member(file, "header");
  about.header.title = text(member(header, "title"));
  about.header.target = text(member(header, "target"));
  about.header.host = text(member(header, "host"));
  about.header.command_line = text(member(header, "command"));
  about.header.start = std::chrono::system_clock::time_point(
      std::chrono::nanoseconds(number(member(header, "time_nanos"))));
  about.header.duration = std::chrono::nanoseconds(number(member(header, "duration_nanos")));
  for (const Json& event : member(header, "events")) about.header.events.push_back(text(event));
  for (const Json& comment : member(file, "comments")) about.comments.push_back(text(comment));
  for (const Json& type : member(file, "sample_types")) {
    about.sample_types.push_back({text(member(type, "type")), text(member(type, "unit"))});
  }
  about.default_type = index_of(about.sample_types, text(member(file, "default_type")));
  const Json& ledger = member(file, "ledger");
  about.ledger.balanced = member(ledger, "balanced") != Json(false);
  for (const Json& line : member(ledger, "lines")) {
    const Json& count = member(line, "count");
    about.ledger.lines.push_back({text(member(line, "name")),
                                  count.is_number_unsigned() ? count.get<std::uint64_t>() : 0,
                                  number(member(line, "depth")) > 0 ? 1 : 0, !count.is_null()});
  }
  return about;
}

// The page has counts as people read them: "1,234".
profile::LedgerLine page_line(const Json& line) {
  profile::LedgerLine out;
  if (!line.is_array() || line.size() != 3) return out;
  out.name = text(line[0]);
  out.depth = number(line[2]) > 0 ? 1 : 0;
  std::string count = text(line[1]);
  std::erase(count, ',');
  const auto [stop, error] = std::from_chars(count.data(), count.data() + count.size(), out.count);
  out.measurable = error == std::errc{} && *stop == 0;
  return out;
}

profile::Profile about_page(const Json& file) {
  profile::Profile about;
  about.header.title = text(member(file, "title"));
  about.header.target = text(member(file, "target"));
  about.header.host = text(member(file, "host"));
  about.header.command_line = text(member(file, "command"));
  about.header.start = std::chrono::system_clock::time_point(
      std::chrono::nanoseconds(number(member(file, "time_nanos"))));
  about.header.duration = std::chrono::nanoseconds(number(member(file, "duration_nanos")));
  about.sample_types = {{text(member(file, "type")), text(member(file, "unit"))}};
  if (member(file, "rows").is_object()) {
    about.sample_types.clear();
    for (const Json& weight : member(file, "weights")) {
      about.sample_types.push_back({text(member(weight, "type")), text(member(weight, "unit"))});
    }
    about.default_type =
        index(member(file, "weight"), about.sample_types.size()).value_or(std::size_t{0});
  }
  if (member(file, "before").is_array()) {
    about.sample_types = difference_types(text(member(file, "unit")));
    for (const char* side : {"base", "new"}) {
      const std::string what = text(member(file, side));
      if (!what.empty()) about.comments.push_back(std::string(side) + ": " + what);
    }
  }
  for (const Json& comment : member(file, "comments")) about.comments.push_back(text(comment));
  about.ledger.balanced = member(file, "balanced") != Json(false);
  for (const Json& line : member(file, "ledger")) about.ledger.lines.push_back(page_line(line));
  return about;
}

Status take_stack(const Json& stack, const std::vector<profile::LocationId>& frames,
                  StackReader& reader) {
  std::vector<profile::LocationId> path;
  for (const Json& frame : member(stack, "frames")) {
    const auto at = index(frame, frames.size());
    if (!at) return spoiled();
    path.push_back(frames[*at]);
  }
  std::vector<std::int64_t> values;
  for (const Json& value : member(stack, "values")) values.push_back(number(value));
  std::vector<profile::Label> labels;
  const Json& named = member(stack, "labels");
  for (auto it = named.begin(); named.is_object() && it != named.end(); ++it) {
    const std::string key = plain_text(it.key());
    if (it->is_string()) {
      labels.push_back(reader.label(key, text(*it)));
    } else {
      const bool bare = it->is_number();
      labels.push_back(reader.label(key, number(bare ? *it : member(*it, "num")),
                                    bare ? std::string() : text(member(*it, "unit"))));
    }
  }
  return reader.add(std::move(path), std::move(values), std::move(labels));
}

// The columns of a page of many nodes (version 2), as those of a small one. Fails where they are
// not what they say, or more than memory should be taken for.
class Unpacker {
 public:
  // Runs of zeros are short: of a file of `bytes` there may be some 64 numbers a letter, which no
  // page of ours comes near, so that a small file does not take much memory.
  Unpacker(Json& file, std::size_t bytes)
      : file_(file), most_numbers_(std::min(kMostNumbers, kNumbersALetter * bytes)) {}

  Status operator()() {
    const std::size_t nodes = size_of(file_, "nodes");
    Json up = std::move(file_["up"]);
    if (!unpack(up, nodes)) return spoiled();
    std::int64_t level = 0;
    for (Json& one : up) {
      level += 1 - one.get<std::int64_t>();
      if (level < 1) return spoiled();
      one = static_cast<std::uint64_t>(level);
    }
    file_["levels"] = std::move(up);
    bool good = unpack(file_["frames"], nodes);
    for (const char* name : {"self", "before"}) {
      if (file_.contains(name)) good = good && unpack(file_[name], nodes);
    }
    if (file_.contains("rows")) good = good && unpack_rows(file_["rows"]);
    return good ? Status() : Status(spoiled());
  }

 private:
  static std::size_t size_of(const Json& object, const char* name) {
    return index(member(object, name), SIZE_MAX).value_or(0);
  }

  bool unpack_rows(Json& rows) {
    if (!rows.is_object()) return false;
    const std::size_t size = size_of(rows, "size");
    bool good = unpack(rows["nodes"], size);
    for (const char* kind : {"facets", "sizes", "values"}) {
      if (!rows[kind].is_array()) return false;
      const std::int64_t least = kind == std::string_view("values") ? 0 : -1;
      for (Json& column : rows[kind]) good = good && unpack(column, size, least);
    }
    return good;
  }

  bool unpack(Json& column, std::size_t size, std::int64_t least = 0) {
    numbers_ += std::min(size, kMostNumbers + 1);
    if (!column.is_string() || numbers_ > most_numbers_) return false;
    const auto numbers = unpacked(column.get_ref<const std::string&>(), size);
    if (!numbers) return false;
    column = Json::array();
    for (const std::int64_t number : *numbers) {
      // Read as those of a small page are: what is not below zero is unsigned there.
      const std::int64_t value = number + least;
      column.push_back(value < 0 ? Json(value) : Json(static_cast<std::uint64_t>(value)));
    }
    return true;
  }

  static constexpr std::size_t kMostNumbers = 32U << 20;
  static constexpr std::size_t kNumbersALetter = 64;

  Json& file_;
  std::size_t most_numbers_;
  std::size_t numbers_ = 0;
};

using Path = std::vector<profile::LocationId>;

// Rows of a page, which come by node; the paths of nodes are asked for in their order.
class RowReader {
 public:
  RowReader(const Json& file, StackReader& reader) : rows_(member(file, "rows")), reader_(reader) {
    std::size_t at = 0;
    for (const Json& facet : member(file, "facets")) add_facet(facet, column("facets", at++));
    at = 0;
    for (const Json& size : member(file, "sizes")) add_size(size, column("sizes", at++));
    for (const Json& values : member(rows_, "values")) values_.push_back(&values);
    if (sound() && !done()) next_ = number(member(rows_, "nodes")[0]);
  }

  // False where the columns are not of one length.
  [[nodiscard]] bool sound() const {
    const Json& nodes = member(rows_, "nodes");
    const auto fits = [&](const Json* column) {
      return column->is_array() && column->size() == nodes.size();
    };
    return nodes.is_array() && std::ranges::all_of(values_, fits) &&
           std::ranges::all_of(columns_, fits, &Column::rows);
  }
  [[nodiscard]] bool done() const { return at_ == member(rows_, "nodes").size(); }

  // The rows of the next node.
  Status take(const Path& path) {
    for (; !done() && next_ == node_; step()) {
      std::vector<std::int64_t> values;
      for (const Json* column : values_) values.push_back(number((*column)[at_]));
      std::vector<profile::Label> labels;
      // A thread is a root frame of the page, and of every output that has the label.
      bool apart = false;
      for (const Column& column : columns_) {
        const auto at = index((*column.rows)[at_], column.labels.size());
        if (!at) continue;
        labels.push_back(column.labels[*at]);
        apart |= *at < column.threads.size() && column.threads[*at] == path.front();
      }
      JT_CHECK_OK(reader_.add(Path(path.begin() + (apart ? 1 : 0), path.end()), std::move(values),
                              std::move(labels)));
    }
    ++node_;
    return {};
  }

 private:
  struct Column {
    std::vector<profile::Label> labels;        // of each value or bucket
    std::vector<profile::LocationId> threads;  // of each value, where it is one
    const Json* rows;
  };

  const Json* column(const char* kind, std::size_t at) const {
    static const Json none;
    const Json& all = member(rows_, kind);
    return all.is_array() && at < all.size() ? &all[at] : &none;
  }

  void add_facet(const Json& facet, const Json* rows) {
    const std::string name = text(member(facet, "name"));
    Column& added = columns_.emplace_back(Column{{}, {}, rows});
    for (const Json& value : member(facet, "values")) {
      added.labels.push_back(reader_.label(name, text(value)));
      if (name == profile::kThreadLabel) {
        added.threads.push_back(reader_.frame(text(value), FrameKind::Thread));
      }
    }
  }

  void add_size(const Json& size, const Json* rows) {
    Column& added = columns_.emplace_back(Column{{}, {}, rows});
    for (unsigned bucket = 0; bucket < kBuckets; ++bucket) {
      added.labels.push_back(reader_.label(text(member(size, "name")), bucket_begin(bucket),
                                           text(member(size, "unit"))));
    }
  }

  // A step back leads to no node that comes, so that the rows are never done.
  void step() {
    if (++at_; done()) return;
    const std::int64_t by = number(member(rows_, "nodes")[at_]);
    next_ = by < 0 || by > INT32_MAX ? -1 : next_ + by;
  }

  const Json& rows_;
  StackReader& reader_;
  std::vector<Column> columns_;
  std::vector<const Json*> values_;
  std::size_t at_ = 0;      // the row that comes next
  std::int64_t next_ = -1;  // and its node
  std::int64_t node_ = 0;
};

// The tree of a page as stacks, one a node that has values of its own, or one a row.
Status take_tree(const Json& file, const std::vector<profile::LocationId>& names,
                 StackReader& reader) {
  const Json& levels = member(file, "levels");
  const Json& frames = member(file, "frames");
  const Json& self = member(file, "self");
  std::optional<RowReader> rows;
  if (member(file, "rows").is_object()) rows.emplace(file, reader);
  if (!levels.is_array() || !frames.is_array() || frames.size() != levels.size() ||
      (rows ? !rows->sound() : !self.is_array() || self.size() != levels.size())) {
    return spoiled();
  }
  const Json& before = member(file, "before");
  const bool difference = before.is_array();
  if (difference && before.size() != levels.size()) return spoiled();
  std::vector<profile::LocationId> path;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const auto level = index(levels[i], path.size() + 2);
    const auto frame = index(frames[i], names.size());
    if (!level || *level == 0 || !frame) return spoiled();
    path.resize(*level - 1);
    path.push_back(names[*frame]);
    if (rows) {
      JT_CHECK_OK(rows->take(path));
      continue;
    }
    const std::int64_t value = number(self[i]);
    const std::int64_t base = difference ? number(before[i]) : 0;
    if (value == 0 && base == 0) continue;
    JT_CHECK_OK(reader.add(
        path, difference ? difference_values(base, value) : std::vector<std::int64_t>{value}));
  }
  return rows && !rows->done() ? Status(spoiled()) : Status();
}

}  // namespace

Result<profile::Profile> parse_json(std::string_view bytes) {
  const Json file = Json::parse(bytes, nullptr, false);
  if (file.is_discarded()) return fail(Errc::Usage, "not valid JSON");
  if (member(file, "jtrace") != Json(1)) return fail(Errc::Usage, "JSON, but not jtrace's");
  StackReader reader;
  std::vector<profile::LocationId> frames;
  for (const Json& frame : member(file, "frames")) {
    const std::int64_t line = std::clamp<std::int64_t>(number(member(frame, "line")), 0, INT32_MAX);
    frames.push_back(reader.frame(text(member(frame, "name")), kind_of(member(frame, "kind")),
                                  static_cast<std::uint32_t>(line)));
  }
  for (const Json& stack : member(file, "stacks")) {
    JT_CHECK_OK(take_stack(stack, frames, reader));
  }
  return std::move(reader).build(about_json(file));
}

Result<profile::Profile> parse_page(std::string_view page) {
  constexpr std::string_view kBegin = R"(<script type="application/json" id="profile">)";
  const auto begin = page.find(kBegin);
  if (begin == page.npos) return fail(Errc::Usage, "a page, but not jtrace's");
  page.remove_prefix(begin + kBegin.size());
  Json file = Json::parse(page.substr(0, page.find("</script>")), nullptr, false);
  const bool packed = member(file, "version") == Json(2);
  if (!file.is_object() || (!packed && member(file, "version") != Json(1))) return spoiled();
  if (packed) JT_CHECK_OK(Unpacker(file, page.size())());
  StackReader reader;
  std::vector<profile::LocationId> names;
  const Json& kinds = member(file, "name_kinds");
  for (const Json& name : member(file, "names")) {
    if (!kinds.is_array() || names.size() >= kinds.size()) return spoiled();
    const auto kind = index(kinds[names.size()], member(file, "kinds").size());
    if (!kind || !member(file, "kinds").is_array()) return spoiled();
    names.push_back(reader.frame(text(name), kind_of(member(file, "kinds")[*kind])));
  }
  JT_CHECK_OK(take_tree(file, names, reader));
  return std::move(reader).build(about_page(file));
}

}  // namespace jtrace::exporting
