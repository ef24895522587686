// SPDX-License-Identifier: Apache-2.0
// Which arguments of system calls have words, and which constants these are (constants.h has their
// values). Private to filter/, but for its tests.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "event/print_format.h"

namespace jtrace::filter {

// Constants that share some bits of a number.
struct WordGroup {
  event::Dictionary::Kind kind = event::Dictionary::Kind::Flags;
  std::uint64_t mask = 0;
  std::string_view names;  // between blanks; of flags, those of several bits come first
};

struct WordTable {
  std::span<const WordGroup> groups;
};

// The words of one argument; nullopt where it has none. `call` is without sys_enter_.
[[nodiscard]] std::optional<WordTable> argument_words(std::string_view call,
                                                      std::string_view argument);
// Calls that return an address.
[[nodiscard]] bool returns_address(std::string_view call);
// "ENOENT" of 2; also those that the kernel keeps to itself and a system call's end shows.
[[nodiscard]] std::string_view error_name(std::uint64_t error);

// For tests: all tables.
[[nodiscard]] std::span<const WordTable> all_word_tables();
// Names of signals, as a table.
[[nodiscard]] WordTable signal_words();

}  // namespace jtrace::filter
