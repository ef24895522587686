// SPDX-License-Identifier: Apache-2.0
#include "session/signals.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>

namespace jtrace::session {
namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Result<StopSignals> StopSignals::block() {
  const sigset_t set = stop_set();
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
    return fail(Errc::Internal, errno_text("block signals", errno));
  }
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return fail(Errc::Internal, errno_text("signalfd", errno));
  return StopSignals(std::move(fd));
}

StopSignals::~StopSignals() {
  if (fd_.valid()) release();
}

void StopSignals::release() {
  signalfd_siginfo info;
  // Taken, not left pending: it must not end us when it is unblocked.
  while (::read(fd_.get(), &info, sizeof(info)) > 0) {
  }
  const sigset_t set = stop_set();
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace jtrace::session
