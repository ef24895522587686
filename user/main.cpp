// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "cli/options.h"
#include "session/session.h"

namespace {

int report(const jtrace::Error& error) {
  std::fprintf(stderr, "jtrace: %s\n", error.message.c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "jtrace: hint: %s\n", error.hint.c_str());
  return static_cast<int>(error.code);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = jtrace::cli::parse_options(argc, argv, jtrace::session::format_names());
  if (!options) return report(options.error());
  if (options->action != jtrace::cli::Options::Action::Trace) {
    std::fputs(options->text.c_str(), stdout);
    return 0;
  }
  const auto status = jtrace::session::run(*options);
  return status ? *status : report(status.error());
}
