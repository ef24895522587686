// SPDX-License-Identifier: Apache-2.0
#include "support/pprof_dump.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace jtrace::test {
namespace {

std::string inflated(std::string_view file) {
  std::string in(file);
  std::string out(64U << 20, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, 31) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int state = inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return state == Z_STREAM_END ? out : std::string();
}

std::optional<std::uint64_t> varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

enum class Form { Number, Text, Packed, Message };
struct Field {
  std::string name;
  Form form = Form::Number;
};
using Fields = std::map<std::uint64_t, Field>;

// By the path of the message: "" is Profile.
const std::map<std::string, Fields>& schema() {
  using enum Form;
  static const std::map<std::string, Fields> kSchema{
      {"",
       {{1, {"sample_type", Message}},
        {2, {"sample", Message}},
        {3, {"mapping", Message}},
        {4, {"location", Message}},
        {5, {"function", Message}},
        {6, {"string", Text}},
        {9, {"time_nanos"}},
        {10, {"duration_nanos"}},
        {11, {"period_type", Message}},
        {12, {"period"}},
        {13, {"comment", Packed}},
        {14, {"default_sample_type"}}}},
      {"sample_type", {{1, {"type"}}, {2, {"unit"}}}},
      {"period_type", {{1, {"type"}}, {2, {"unit"}}}},
      {"sample", {{1, {"location", Packed}}, {2, {"value", Packed}}, {3, {"label", Message}}}},
      {"sample.label", {{1, {"key"}}, {2, {"str"}}, {3, {"num"}}, {4, {"num_unit"}}}},
      {"mapping",
       {{1, {"id"}},
        {2, {"start"}},
        {3, {"limit"}},
        {4, {"offset"}},
        {5, {"filename"}},
        {6, {"build_id"}},
        {7, {"has_functions"}}}},
      {"location", {{1, {"id"}}, {2, {"mapping"}}, {3, {"address"}}, {4, {"line", Message}}}},
      {"location.line", {{1, {"function"}}, {2, {"line"}}}},
      {"function", {{1, {"id"}}, {2, {"name"}}, {3, {"system_name"}}, {4, {"filename"}}}}};
  return kSchema;
}

bool dump(std::string_view in, const std::string& path, std::string& out);

bool dump_bytes(std::string_view part, const std::string& name, Form form, std::string& out) {
  if (form == Form::Message) {
    out += name + " {\n";
    if (!dump(part, name, out)) return false;
    out += "}\n";
    return true;
  }
  out += name + ":";
  if (form == Form::Text) out += fmt::format(" {}", part);
  while (form == Form::Packed && !part.empty()) {
    const auto value = varint(part);
    if (!value) return false;
    out += fmt::format(" {}", static_cast<std::int64_t>(*value));
  }
  out += '\n';
  return true;
}

bool dump(std::string_view in, const std::string& path, std::string& out) {
  const Fields& fields = schema().at(path);
  while (!in.empty()) {
    const auto tag = varint(in);
    if (!tag) return false;
    const auto it = fields.find(*tag >> 3U);
    const Field field = it == fields.end() ? Field{"?"} : it->second;
    const std::string name = path.empty() ? field.name : path + "." + field.name;
    const auto value = varint(in);
    if (!value) return false;
    if ((*tag & 7U) == 0 && field.form == Form::Number) {
      out += fmt::format("{}: {}\n", name, static_cast<std::int64_t>(*value));
    } else if ((*tag & 7U) == 2 && field.form != Form::Number && *value <= in.size()) {
      if (!dump_bytes(in.substr(0, *value), name, field.form, out)) return false;
      in.remove_prefix(*value);
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string pprof_dump(std::string_view file) {
  std::string out;
  return dump(inflated(file), "", out) ? out : std::string();
}

}  // namespace jtrace::test
