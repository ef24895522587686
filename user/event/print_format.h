// SPDX-License-Identifier: Apache-2.0
// What a tracepoint's own `print fmt` says of its numbers: words for their bits and values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace jtrace::event {

struct Dictionary {
  enum class Kind {
    Flags,    // __print_flags: a word for each bit, or for several that are set together
    Symbols,  // __print_symbolic, FIELD ? "a" : "b": a word for the whole value
    Mark,     // FIELD & MASK ? "+" : "": one word behind the others
  };
  struct Word {
    std::uint64_t value = 0;
    std::string text;
    friend bool operator==(const Word&, const Word&) = default;
  };
  Kind kind = Kind::Flags;
  std::string field = {};
  std::uint64_t mask = ~std::uint64_t{0};  // the bits of the field that it is about
  unsigned shift = 0;                      // these go down by so many before they are looked up
  std::vector<Word> words = {};            // in the kernel's order: what is of several bits first
  std::string none = {};                   // of flags: what stands there for 0, or empty
};

struct PrintFormat {
  std::vector<Dictionary> dictionaries;
  std::vector<std::string> hexadecimal;  // fields that are printed so
  std::size_t skipped = 0;               // words, or dictionaries, that were not understood
};

// `text` is what follows `print fmt:`, C that the kernel's macros made. What it holds but fields
// and constants (functions, names that the kernel did not replace by their numbers) is skipped.
[[nodiscard]] PrintFormat parse_print_format(std::string_view text);

}  // namespace jtrace::event
