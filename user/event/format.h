// SPDX-License-Identifier: Apache-2.0
// A tracepoint's fields, as the kernel describes them in tracefs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/print_format.h"
#include "event/tracepoint.h"

namespace jtrace::event {

struct Field {
  enum class Shape {
    Scalar,
    Pointer,  // into the memory of the task or of the kernel: the type does not tell
    Array,    // `elements` of them, in the record
    DataLoc,  // a u32 in the record: length << 16 | offset from the record's start
    RelLoc,   // the same, offset from the field's own end
  };
  std::string type;  // as a person reads it: "char[16]", "const char *", "char[]"
  std::string name;
  std::uint32_t offset = 0;
  std::uint32_t size = 0;  // in the record; arguments of system calls take 8, whatever their type
  bool is_signed = false;
  Shape shape = Shape::Scalar;
  std::uint32_t elements = 1;  // 0: not known before the event (DataLoc, RelLoc, "[]")
  bool common = false;         // one of the fields that every event has
  friend bool operator==(const Field&, const Field&) = default;
};

struct Format {
  std::string name;
  std::uint32_t id = 0;
  std::vector<Field> fields;
  std::size_t skipped = 0;  // lines of fields that were not understood
  PrintFormat print = {};

  // nullptr where there is none.
  [[nodiscard]] const Field* find(std::string_view field) const;
};

// Text of a `format` file. Its `print fmt` is the last, is C and may hold line breaks. A field that
// is not understood, lies outside of any record or comes twice is skipped and counted.
[[nodiscard]] Format parse_format(std::string_view text);

[[nodiscard]] Result<Format> read_format(const Tracefs& tracefs, const Tracepoint& tracepoint);

}  // namespace jtrace::event
