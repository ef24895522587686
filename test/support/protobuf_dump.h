// SPDX-License-Identifier: Apache-2.0
// Protocol buffer messages as text, by a decoder that shares nothing with the product's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace jtrace::test {

enum class Form { Number, Fixed64, Text, Bytes, Packed, Message };
struct Field {
  std::string name;
  Form form = Form::Number;
};
using Fields = std::map<std::uint64_t, Field>;
// By the path of the message: "" is the outermost, "sample.label" one in one in it.
using Schema = std::map<std::string, Fields>;

// One line a field: "sample.value: 1 2"; fields that the schema does not have are "?", numbers of
// packed fields stand in one line. Empty where the bytes are no such message.
[[nodiscard]] std::string protobuf_dump(std::string_view bytes, const Schema& schema);

}  // namespace jtrace::test
