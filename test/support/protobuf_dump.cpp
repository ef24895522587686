// SPDX-License-Identifier: Apache-2.0
#include "support/protobuf_dump.h"

#include <fmt/format.h>

#include <optional>

namespace jtrace::test {
namespace {

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

std::optional<std::uint64_t> fixed64(std::string_view& in) {
  if (in.size() < 8) return std::nullopt;
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(in[i])} << (8 * i);
  }
  in.remove_prefix(8);
  return value;
}

class Dump {
 public:
  explicit Dump(const Schema& schema) : schema_(schema) {}

  bool message(std::string_view in, const std::string& path) {
    const Fields& fields = schema_.at(path);
    while (!in.empty()) {
      const auto tag = varint(in);
      if (!tag) return false;
      const auto it = fields.find(*tag >> 3U);
      const Field field = it == fields.end() ? Field{"?"} : it->second;
      const std::string name = path.empty() ? field.name : path + "." + field.name;
      const unsigned wire = *tag & 7U;
      const auto value = wire == 1 ? fixed64(in) : varint(in);
      if (!value) return false;
      if (wire == (field.form == Form::Fixed64 ? 1 : 0) && field.form <= Form::Fixed64) {
        out += fmt::format("{}: {}\n", name, static_cast<std::int64_t>(*value));
      } else if (wire == 2 && field.form > Form::Fixed64 && *value <= in.size()) {
        if (!part(in.substr(0, *value), name, field.form)) return false;
        in.remove_prefix(*value);
      } else {
        return false;
      }
    }
    return true;
  }

  std::string out;

 private:
  bool part(std::string_view bytes, const std::string& name, Form form) {
    if (form == Form::Message) {
      out += name + " {\n";
      if (!message(bytes, name)) return false;
      out += "}\n";
      return true;
    }
    out += name + ":";
    if (form == Form::Text) out += fmt::format(" {}", bytes);
    if (form == Form::Bytes) {
      out += ' ';
      for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
    while (form == Form::Packed && !bytes.empty()) {
      const auto value = varint(bytes);
      if (!value) return false;
      out += fmt::format(" {}", static_cast<std::int64_t>(*value));
    }
    out += '\n';
    return true;
  }

  const Schema& schema_;
};

}  // namespace

std::string protobuf_dump(std::string_view bytes, const Schema& schema) {
  Dump dump(schema);
  return dump.message(bytes, "") ? dump.out : std::string();
}

}  // namespace jtrace::test
