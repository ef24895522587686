// SPDX-License-Identifier: Apache-2.0
// Words of any format's fields are printable, and never without end.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "filter/words.h"

namespace {

using jtrace::event::Dictionary;

void check(const jtrace::event::PrintFormat& print) {
  std::size_t words = 0;
  for (const Dictionary& one : print.dictionaries) {
    if (one.field.empty() || one.words.empty() || one.shift > 63) std::abort();
    words += one.words.size();
  }
  if (words > 64U * 1024) std::abort();
}

void say(const jtrace::filter::Vocabulary& vocabulary, std::uint64_t number) {
  for (const bool is_signed : {false, true}) {
    const std::string text = text_of(vocabulary, number, is_signed);
    if (text.empty() || text.size() > 16'384) std::abort();
    if (!std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; })) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto format = jtrace::event::parse_format({reinterpret_cast<const char*>(data), size});
  check(format.print);
  const std::string call = format.name.substr(0, format.name.find_first_of("/ "));
  for (const std::string_view category : {"syscalls", "signal", "sched"}) {
    const jtrace::event::Tracepoint tracepoint{1, std::string(category), call};
    for (const auto& field : format.fields) {
      const auto vocabulary = jtrace::filter::vocabulary_of(tracepoint, &format, field.name);
      for (const std::uint64_t number :
           {std::uint64_t{0}, std::uint64_t{0x83}, ~std::uint64_t{0}, std::uint64_t{1} << 63U}) {
        say(vocabulary, number);
      }
    }
  }
  return 0;
}
