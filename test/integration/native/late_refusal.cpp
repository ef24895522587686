// SPDX-License-Identifier: Apache-2.0
// To be preloaded: a kernel that takes a program at a function when that is tried (jtrace_probe),
// and refuses it later: to load it, or to attach it (LATE_REFUSAL=load, attach). A program that
// does nothing takes the place of those that it takes: a kernel that refuses them may lie below.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

int probe = -1;  // the descriptor of the last one

long call(long number, const std::array<long, 6>& a) {
  using Call = long (*)(long, ...);
  static const Call next = reinterpret_cast<Call>(dlsym(RTLD_NEXT, "syscall"));
  return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

long load_nothing() {
  // r0 = 0; exit
  static const std::array<bpf_insn, 2> nothing{
      {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
  bpf_attr attr{};
  attr.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
  attr.insns = reinterpret_cast<std::uint64_t>(nothing.data());
  attr.insn_cnt = nothing.size();
  attr.license = reinterpret_cast<std::uint64_t>("GPL");
  return call(SYS_bpf, {BPF_PROG_LOAD, reinterpret_cast<long>(&attr), sizeof(attr)});
}

long refuse() {
  errno = EINVAL;
  return -1;
}

long load(const bpf_attr& attr) {
  const std::string_view name(attr.prog_name, strnlen(attr.prog_name, sizeof(attr.prog_name)));
  if (name == "jtrace_probe") return probe = static_cast<int>(load_nothing());
  const char* refused = std::getenv("LATE_REFUSAL");
  if (refused != nullptr && std::string_view(refused) == "load") return refuse();
  return load_nothing();
}

}  // namespace

extern "C" long syscall(long number, ...) noexcept {
  std::array<long, 6> a{};
  va_list rest;
  va_start(rest, number);
  for (long& one : a) one = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_bpf) {
    const auto& attr = *reinterpret_cast<const bpf_attr*>(a[1]);
    if (a[0] == BPF_PROG_LOAD && attr.prog_type == BPF_PROG_TYPE_TRACING &&
        attr.expected_attach_type != BPF_TRACE_ITER) {
      return load(attr);
    }
    if (a[0] == BPF_RAW_TRACEPOINT_OPEN && attr.raw_tracepoint.name == 0) {
      const bool is_probe = static_cast<int>(attr.raw_tracepoint.prog_fd) == probe;
      return is_probe ? open("/dev/null", O_RDONLY | O_CLOEXEC) : refuse();
    }
  }
  return call(number, a);
}
