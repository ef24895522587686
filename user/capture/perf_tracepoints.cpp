// SPDX-License-Identifier: Apache-2.0
#include "capture/perf_tracepoints.h"

#include <bpf/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/rights.h"

namespace jtrace::capture {
namespace {

// Never enabled: the tracepoint has the program from the attach on, on every CPU whatever cpu is
// given here, and an event that is enabled would have each hit counted and sampled for nobody, as
// the program lets all of them pass.
UniqueFd open_event(std::uint32_t type, std::uint32_t id) {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = type;
  attr.config = id;
  attr.disabled = 1;
  return UniqueFd(
      static_cast<int>(::syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
}

}  // namespace

Result<UniqueFd> attach_perf_tracepoint(std::uint32_t id, const char* name, int program,
                                        std::optional<std::uint64_t> cookie) {
  const std::string what = "attach to tracepoint " + std::to_string(id) + " (" + name + ")";
  const auto failed = [&what](int error) -> std::unexpected<Error> {
    if (error == EACCES || error == EPERM) {
      return refused(what, error, {Capability::Perfmon}, "perf-event-paranoid");
    }
    return fail(Errc::Internal, errno_text(what, error));
  };
  UniqueFd event = open_event(PERF_TYPE_TRACEPOINT, id);
  if (!event.valid()) {
    if (errno == EINVAL || errno == ENOENT) {
      return fail(Errc::Usage, "no tracepoint has the id " + std::to_string(id));
    }
    return failed(errno);
  }
  if (!cookie) {
    if (::ioctl(event.get(), PERF_EVENT_IOC_SET_BPF, program) != 0) return failed(errno);
    return event;
  }
  bpf_link_create_opts options{};
  options.sz = sizeof(options);
  options.perf_event.bpf_cookie = *cookie;
  // It holds the event.
  UniqueFd link(::bpf_link_create(program, event.get(), BPF_PERF_EVENT, &options));
  if (!link.valid()) return failed(errno);
  return link;
}

Status probe_perf_events() {
  const Raised rights({Capability::Bpf, Capability::Perfmon});
  if (open_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY).valid()) return {};
  return refused("open an event of perf", errno, {Capability::Perfmon}, "perf-event-paranoid");
}

}  // namespace jtrace::capture
