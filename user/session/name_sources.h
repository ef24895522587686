// SPDX-License-Identifier: Apache-2.0
// What is said of where a process's Java names come from, in words.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "session/target.h"

namespace jtrace::session {

// Of a JVM, before tracing.
[[nodiscard]] std::string source_text(const Target& target, cli::JvmSymbols choice);

struct Remark {
  int level = 0;  // 1: with -v
  std::string text;
};
// After it: what each source could not do.
[[nodiscard]] std::vector<Remark> what_names_lack(const Target& target, cli::JvmSymbols choice);

}  // namespace jtrace::session
