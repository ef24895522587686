// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <sstream>
#include <string>
#include <utility>

#include "base/printable.h"
#include "base/rights.h"
#include "cli/options.h"
#include "session/dispatch.h"
#include "session/session.h"

namespace {

// One line: what failed, and what mends it. Only where BPF programs were refused do the verifier's
// last words follow.
int report(const jtrace::Error& error) {
  std::istringstream lines(error.message);
  std::string line;
  std::string hint = error.hint.empty() ? "" : "; " + error.hint;
  while (std::getline(lines, line)) {
    const std::string text = jtrace::printable(line + std::exchange(hint, ""));
    std::fprintf(stderr, "jtrace: %s\n", text.c_str());
  }
  return static_cast<int>(error.code);
}

// A reader that went away (`jtrace -f - | head`, `2>&1 | grep -m1`) must not end the trace; and
// where one of the three was closed, a map or a perf event would get its number, and our messages.
void prepare_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  while (true) {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd > 2) ::close(fd);
    if (fd < 0 || fd > 2) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  prepare_streams();
  if (const auto settled = jtrace::settle_rights(); !settled) return report(settled.error());
  const auto parse = [argc, argv](bool in_windows) {
    auto sources = jtrace::cli::Sources::of_process();
    sources.in_windows = in_windows;
    return jtrace::cli::parse_options(argc, argv, jtrace::session::format_names(), sources);
  };
  const auto options = parse(false);
  if (!options) return report(options.error());
  const bool in_windows = options->continuous();
  const auto status =
      jtrace::session::dispatch(*options, [parse, in_windows] { return parse(in_windows); });
  return status ? *status : report(status.error());
}
