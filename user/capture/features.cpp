// SPDX-License-Identifier: Apache-2.0
#include "capture/features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <cerrno>

#include "base/rights.h"
#include "base/unique_fd.h"
#include "capture/kernel_types.h"

namespace jtrace::capture {
namespace {

bool has_helper(bpf_func_id helper, bpf_prog_type type = BPF_PROG_TYPE_TRACEPOINT) {
  return libbpf_probe_bpf_helper(type, helper, nullptr) == 1;
}

// bpf_throw came with the same release (6.7) as the counting of missed events in trace_call_bpf
// (commit dd8657894c11), which leaves no trace of its own in BTF.
bool counts_misses() {
  const auto types = KernelTypes::of_kernel();
  return types && (*types)->functions().has_throw();
}

}  // namespace

std::vector<std::string> KernelFeatures::fallbacks() const {
  std::vector<std::string> lines;
  if (!bpf_loop)
    lines.emplace_back("no bpf_loop: stacks of up to 264 frames, by chained tail calls");
  if (!attach_cookie) lines.emplace_back("no attach cookie: one event per run at a tracepoint");
  if (!raw_cookie) lines.emplace_back("no cookie of raw tracepoints: one raw_tp event per run");
  if (!task_pt_regs) {
    lines.emplace_back("no bpf_task_pt_regs: registers read at the kernel stack's top");
  }
  if (!recursion_misses) {
    lines.emplace_back("events missed by recursion are not measurable on this kernel");
  }
  return lines;
}

KernelFeatures probe_features() {
  const Raised rights({Capability::Bpf, Capability::Perfmon, Capability::SysResource});
  libbpf_set_print([](libbpf_print_level, const char*, va_list) { return 0; });
  return {.bpf_loop = has_helper(BPF_FUNC_loop),
          .attach_cookie = has_helper(BPF_FUNC_get_attach_cookie),
          .raw_cookie = has_helper(BPF_FUNC_get_attach_cookie, BPF_PROG_TYPE_RAW_TRACEPOINT),
          .task_pt_regs = has_helper(BPF_FUNC_task_pt_regs),
          .recursion_misses = counts_misses()};
}

Status probe_loading() {
  const Raised rights({Capability::Bpf, Capability::Perfmon, Capability::SysResource});
  // r0 = 0; exit
  const std::array<bpf_insn, 2> program{
      {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
       {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}}};
  const UniqueFd fd(::bpf_prog_load(BPF_PROG_TYPE_TRACEPOINT, "jtrace_probe", "GPL", program.data(),
                                    program.size(), nullptr));
  if (fd.valid()) return {};
  const int error = errno;
  if (error == ENOSYS || error == EINVAL) {
    return fail(Errc::Environment, errno_text("this kernel has no BPF for tracepoints", error),
                "boot a kernel with CONFIG_BPF_SYSCALL=y and CONFIG_BPF_EVENTS=y");
  }
  return fail(Errc::Environment, errno_text("load a BPF program", error));
}

}  // namespace jtrace::capture
