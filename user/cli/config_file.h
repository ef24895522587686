// SPDX-License-Identifier: Apache-2.0
// The part of TOML that a configuration of options needs: `key = value` lines and comments, where a
// value is a string, a whole number, true, false or an array of strings on one line. Private to
// cli/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jtrace::cli {

struct ConfigEntry {
  enum class Kind { Text, Number, Boolean, Array };
  std::string key;
  Kind kind = Kind::Text;
  std::vector<std::string> values;  // one but for an array
  std::size_t line = 0;
};

// Errc::Usage naming `file` and the line of anything else: tables, dates, a key given twice.
[[nodiscard]] Result<std::vector<ConfigEntry>> parse_config(std::string_view text,
                                                            const std::string& file);

// `text` as a TOML string, quotes included; parse_config() reads it back.
[[nodiscard]] std::string toml_string(std::string_view text);

}  // namespace jtrace::cli
