// SPDX-License-Identifier: Apache-2.0
// A number of an event as a person reads it: flags and errors by name, modes in octal, addresses in
// hex. From the tables of word_tables.h and the dictionaries of the tracepoint's own print fmt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "event/format.h"
#include "event/tracepoint.h"

namespace jtrace::filter {

// How the numbers of one field are written. Made once for a field, then asked for each number.
struct Vocabulary {
  enum class Form { Decimal, Hex, Octal, Device };
  Form form = Form::Decimal;  // of what has no word
  bool is_result = false;     // -1 .. -4095 are errors
  bool is_errno = false;      // 1 .. 4095 are, too; 0 is none
  // What the number is cut to: an int that a system call takes is recorded in 8 bytes.
  unsigned bytes = 8;
  bool is_declared = false;  // its sign is known from its type, whoever asks
  bool is_signed = false;
  // In the order in which they are written, each about bits of its own.
  std::vector<event::Dictionary> parts;
};

// Of a field of the event, or one of ret, errno, comm, tid, ...: what has no words is decimal.
// `format` is null where there is no tracefs to read it in.
[[nodiscard]] Vocabulary vocabulary_of(const event::Tracepoint& tracepoint,
                                       const event::Format* format, std::string_view field);

// "O_WRONLY|O_CREAT|O_CLOEXEC", "ENOENT", "0644", "AT_FDCWD", "0x7f0012345678", "R+"; never empty.
// Bits without a word stand behind the others, in hex.
[[nodiscard]] std::string text_of(const Vocabulary& vocabulary, std::uint64_t number,
                                  bool is_signed);

}  // namespace jtrace::filter
