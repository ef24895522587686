// SPDX-License-Identifier: Apache-2.0
// What the kernel side has captured.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
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

RingPositions::~RingPositions() {
  for (const unsigned long* page : at_) {
    const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    if (page != nullptr) ::munmap(const_cast<unsigned long*>(page), size);
  }
}

Status RingPositions::open(const bpf_map* ring) {
  const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  for (std::size_t page = 0; page < at_.size(); ++page) {
    void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, bpf_map__fd(ring),
                      static_cast<off_t>(page * size));
    if (at == MAP_FAILED) return no_room("open ring buffer", errno);
    at_.at(page) = static_cast<const unsigned long*>(at);
  }
  return {};
}

unsigned long RingPositions::read() const { return __atomic_load_n(at_[0], __ATOMIC_ACQUIRE); }
unsigned long RingPositions::written() const { return __atomic_load_n(at_[1], __ATOMIC_ACQUIRE); }

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

// A record that is still being written ends ring_buffer__consume as the end does, and those behind
// it stay. Its writer may have begun after a window ended, and be interrupted or preempted, while
// behind it is what the window's own programs sent, who have all ended: waiting for programs does
// not wait for those that began meanwhile. What was reserved before now is all of the window's, so
// it is there when the reader has come so far.
bool Capture::drain(const RecordHandlers& handlers) {
  impl_->handlers = &handlers;
  impl_->bytes_left = kDrainBytes;
  const unsigned long end = impl_->positions.written();
  const int result = ring_buffer__consume(impl_->ring.get());
  impl_->handlers = nullptr;
  // Positions grow for ever, and wrap.
  return result >= 0 && static_cast<long>(impl_->positions.read() - end) >= 0;
}

std::uint64_t Capture::unread_bytes() const {
  // In this order: the writer goes on, and the reader is us.
  const unsigned long read = impl_->positions.read();
  return impl_->positions.written() - read;
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
