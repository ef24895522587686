// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "profile/profile.h"
#include "profile/profile_builder.h"
#include "profile/symbol_table.h"

namespace jtrace::exporting {

// Windows of one run as if they were one: equal stacks are one sample, ledgers are added line by
// line. It begins with the first of them and ends with the last. They are given one by one, so that
// not all have to be in memory.
class Merger {
 public:
  // Errc::Usage where its weights are not those of the ones before.
  [[nodiscard]] Status add(const profile::Profile& window);
  // Errc::Usage where there was none.
  [[nodiscard]] Result<profile::Profile> take() &&;

 private:
  // A line, and the line of depth 0 that it is part of.
  struct Entry {
    std::string part_of;
    profile::LedgerLine line;
  };
  void add_ledger(const profile::Ledger& ledger);
  void add_header(const profile::Header& header);

  profile::SymbolTable symbols_;
  std::optional<profile::ProfileBuilder> builder_;  // none before the first window
  std::vector<profile::ValueType> types_;
  profile::Header header_;
  std::vector<std::string> comments_;
  std::vector<Entry> ledger_;
  bool balanced_ = true;
};

}  // namespace jtrace::exporting
