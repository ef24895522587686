// SPDX-License-Identifier: Apache-2.0
// jtrace_docs man|bash|zsh|fish: the man page or a completion, from the option table, on standard output.
// Runs at build time only.
#include <cstdio>
#include <string>
#include <string_view>

#include "cli/texts.h"
#include "export/exporter.h"

int main(int argc, char** argv) {
  std::string formats;
  for (const auto& exporter : jtrace::exporting::exporters()) {
    formats.append(formats.empty() ? "" : ", ").append(exporter.name);
  }
  const std::string_view what = argc == 2 ? argv[1] : "";
  std::string text;
  if (what == "man") text = jtrace::cli::man_page(formats);
  if (what == "bash") text = jtrace::cli::bash_completion(formats);
  if (what == "zsh") text = jtrace::cli::zsh_completion(formats);
  if (what == "fish") text = jtrace::cli::fish_completion(formats);
  if (text.empty()) {
    std::fputs("usage: jtrace_docs man|bash|zsh|fish\n", stderr);
    return 2;
  }
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0
             ? 0
             : 1;
}
