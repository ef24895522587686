// SPDX-License-Identifier: Apache-2.0
// What the readers share.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "export/reader.h"
#include "profile/profile_builder.h"
#include "profile/symbol_table.h"

namespace jtrace::exporting {

// Stacks that come root first, as frames with a text and a kind.
class StackReader {
 public:
  profile::LocationId frame(std::string_view name, profile::FrameKind kind, std::uint32_t line = 0);
  profile::Label label(std::string_view key, std::string_view text) {
    return {symbols_.string(key), symbols_.string(text)};
  }
  profile::Label label(std::string_view key, std::int64_t num, std::string_view unit) {
    return {symbols_.string(key), {}, num, symbols_.string(unit)};
  }

  // Fails where the stacks together have more than kMaxFrames.
  [[nodiscard]] Status add(std::vector<profile::LocationId> root_first,
                           std::vector<std::int64_t> values,
                           std::vector<profile::Label> labels = {});

  // `about` has the header, the sample types, the ledger and the comments.
  [[nodiscard]] profile::Profile build(profile::Profile about) &&;

 private:
  profile::SymbolTable symbols_;
  std::vector<profile::Sample> samples_;
  std::size_t frames_ = 0;
};

[[nodiscard]] Result<profile::Profile> parse_collapsed(std::string_view text);
[[nodiscard]] Result<profile::Profile> parse_json(std::string_view text);
[[nodiscard]] Result<profile::Profile> parse_page(std::string_view text);
[[nodiscard]] Result<profile::Profile> parse_pprof(std::string_view message);

}  // namespace jtrace::exporting
