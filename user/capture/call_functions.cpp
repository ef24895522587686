// SPDX-License-Identifier: Apache-2.0
#include "capture/call_functions.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <memory>

#include "base/file.h"
#include "base/rights.h"
#include "base/unique_fd.h"
#include "capture/call_programs.h"

namespace jtrace::capture {
namespace {

constexpr std::string_view kPrefix = "__x64_sys_";

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) {
    const bool begins = at == 0 || text[at - 1] == ' ';
    const std::size_t end = at + word.size();
    if (begins && (end == text.size() || text[end] == ' ')) return true;
  }
  return false;
}

// "none voluntary (full)".
std::string_view chosen(std::string_view model) {
  const auto begin = model.find('(');
  const auto end = model.find(')');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
  return model.substr(begin + 1, end - begin - 1);
}

}  // namespace

std::string CallFunctions::function_of(std::string_view call) {
  return std::string(kPrefix).append(call);
}

Result<const CallFunctions*> CallFunctions::of_kernel() {
  static std::optional<CallFunctions> kernel;
  if (!kernel) {
    JT_TRY(kernel, read("/sys/kernel/btf/vmlinux"));
  }
  return &*kernel;
}

Result<CallFunctions> CallFunctions::read(const std::string& file) {
  libbpf_set_print([](libbpf_print_level, const char*, va_list) { return 0; });
  const std::unique_ptr<btf, decltype(&btf__free)> types(btf__parse(file.c_str(), nullptr),
                                                         btf__free);
  if (!types) {
    return fail(Errc::Environment, errno_text("read the kernel's types: " + file, errno),
                "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, as distributions' are (doctor: btf)");
  }
  CallFunctions functions;
  for (std::uint32_t id = 1; id < btf__type_cnt(types.get()); ++id) {
    const btf_type* type = btf__type_by_id(types.get(), id);
    if (!btf_is_func(type)) continue;
    const char* name = btf__name_by_offset(types.get(), type->name_off);
    if (name == nullptr) continue;
    functions.has_throw_ |= std::string_view(name) == "bpf_throw";
    if (!std::string_view(name).starts_with(kPrefix)) continue;
    functions.by_call_.emplace(name + kPrefix.size(), Function{.id = id, .prototype = type->type});
  }
  return functions;
}

CallFunctions::Function CallFunctions::find(std::string_view call) const {
  const auto found = by_call_.find(call);
  return found == by_call_.end() ? Function() : found->second;
}

std::optional<std::string> CallFunctions::why_not(std::string_view call) const {
  if (find(call).id != 0) return std::nullopt;
  return "the kernel's types have no " + function_of(call);
}

std::optional<std::string> why_preempted(std::string_view version, std::string_view model) {
  constexpr std::string_view kLoses =
      "the kernel preempts programs at functions, and leaves out what comes meanwhile";
  if (has_word(version, "PREEMPT_DYNAMIC")) {
    const std::string_view now = chosen(model);
    if (now == "none" || now == "voluntary") return std::nullopt;
    if (!now.empty()) return std::string(kLoses) + " (" + std::string(now) + " preemption)";
    return "/sys/kernel/debug/sched/preempt is not to be read: whether the kernel preempts "
           "programs "
           "at functions is not known";
  }
  for (const std::string_view word : {"PREEMPT", "PREEMPT_RT", "PREEMPT_LAZY"}) {
    if (has_word(version, word)) return std::string(kLoses) + " (" + std::string(word) + ")";
  }
  return std::nullopt;
}

std::optional<std::string> why_preempted() {
  utsname host{};
  ::uname(&host);
  const auto model = read_file("/sys/kernel/debug/sched/preempt", 4096);
  return why_preempted(host.version, model ? *model : "");
}

Status probe_function(const CallFunctions& functions, std::string_view call) {
  const std::string function = CallFunctions::function_of(call);
  const Raised rights({Capability::Bpf, Capability::Perfmon, Capability::SysResource});
  // r0 = 0; exit
  const std::array<bpf_insn, 2> nothing{
      {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
       {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}}};
  const UniqueFd program = load_at_function("jtrace_probe", nothing, functions.find(call).id);
  if (!program.valid()) {
    return fail(Errc::Environment, errno_text("load a program for " + function, errno),
                "--attach tracepoint does without (doctor: bpf-features)");
  }
  const UniqueFd link(::bpf_raw_tracepoint_open(nullptr, program.get()));
  if (!link.valid()) {
    return fail(Errc::Environment, errno_text("attach a program to " + function, errno),
                "--attach tracepoint does without (doctor: bpf-features)");
  }
  return {};
}

}  // namespace jtrace::capture
