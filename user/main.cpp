// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <sstream>
#include <string>

#include "base/printable.h"
#include "cli/options.h"
#include "session/dispatch.h"
#include "session/session.h"

namespace {

// Line by line: a load failure's message ends in the verifier's last words.
void say(const std::string& prefix, const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    std::fprintf(stderr, "jtrace: %s%s\n", prefix.c_str(), jtrace::printable(line).c_str());
  }
}

int report(const jtrace::Error& error) {
  say("", error.message);
  say("hint: ", error.hint);
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
  const auto options = jtrace::cli::parse_options(argc, argv, jtrace::session::format_names());
  if (!options) return report(options.error());
  const auto status = jtrace::session::dispatch(*options);
  return status ? *status : report(status.error());
}
