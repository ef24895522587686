// SPDX-License-Identifier: Apache-2.0
// What the kernel side has captured.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "capture/capture_impl.h"

namespace jtrace::capture {
namespace {

// Taken from the ring buffer at a time: some milliseconds of work.
constexpr std::size_t kDrainBytes = 4U << 20;

}  // namespace

Status Capture::count_open_files() {
  if (!impl_->open_files.valid()) return {};
  std::array<char, 1> nothing{};
  // EAGAIN: a million files, and nothing to read of them (kernel/bpf/bpf_iter.c).
  while (::read(impl_->open_files.get(), nothing.data(), nothing.size()) != 0) {
    if (errno == EAGAIN || errno == EINTR) continue;
    return fail(Errc::Internal, errno_text("look at open files", errno));
  }
  return {};
}

void Capture::Impl::dispatch(const void* data, std::size_t size) const {
  if (size < sizeof(jt_record_head) || !handlers) return;
  switch (static_cast<const jt_record_head*>(data)->type) {
    case JT_RECORD_STACK:
      handlers->stack(*static_cast<const jt_stack_record*>(data));
      break;
    case JT_RECORD_DEFERRED:
      handlers->deferred(*static_cast<const jt_deferred_record*>(data));
      break;
    case JT_RECORD_CHECK:
      if (handlers->check) handlers->check(*static_cast<const jt_deferred_record*>(data));
      break;
    case JT_RECORD_VALUES:
      if (handlers->values) {
        handlers->values(*static_cast<const jt_values_record*>(data));
      }
      break;
    case JT_RECORD_EVENT:
      if (handlers->event) handlers->event(*static_cast<const jt_event_record*>(data));
      break;
    case JT_RECORD_NOTICE:
      handlers->notice(*static_cast<const jt_notice_record*>(data));
      break;
    default:
      break;
  }
}

int Capture::wake_fd() const { return ring_buffer__epoll_fd(impl_->ring.get()); }

bool Capture::drain(const RecordHandlers& handlers) {
  impl_->handlers = &handlers;
  impl_->bytes_left = kDrainBytes;
  const int result = ring_buffer__consume(impl_->ring.get());
  impl_->handlers = nullptr;
  return result >= 0;
}

std::vector<ProgramInfo> Capture::programs() const {
  std::vector<ProgramInfo> all;
  bpf_program* program = nullptr;
  while ((program = bpf_object__next_program(impl_->skeleton->obj, program)) != nullptr) {
    const int fd = bpf_program__fd(program);
    if (fd < 0) continue;
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) continue;
    all.push_back({bpf_program__name(program), info.verified_insns});
  }
  return all;
}

}  // namespace jtrace::capture
