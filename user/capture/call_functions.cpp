// SPDX-License-Identifier: Apache-2.0
#include "capture/call_functions.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>
#include <utility>

#include "base/file.h"
#include "base/rights.h"
#include "base/unique_fd.h"
#include "capture/call_programs.h"

namespace jtrace::capture {
namespace {

constexpr std::string_view kPrefix = "__x64_sys_";
constexpr std::string_view kThrow = "bpf_throw";

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

CallFunctions CallFunctions::of(const btf& types) {
  CallFunctions functions;
  for (std::uint32_t id = 1; id < btf__type_cnt(&types); ++id) {
    const btf_type* type = btf__type_by_id(&types, id);
    if (!btf_is_func(type)) continue;
    const char* name = btf__name_by_offset(&types, type->name_off);
    if (name == nullptr) continue;
    functions.has_throw_ |= std::string_view(name) == kThrow;
    if (!std::string_view(name).starts_with(kPrefix)) continue;
    functions.by_call_.emplace(name + kPrefix.size(), Function{.id = id, .prototype = type->type});
  }
  return functions;
}

std::string CallFunctions::to_text() const {
  std::string text = has_throw_ ? fmt::format("{}\n", kThrow) : std::string();
  for (const auto& [call, function] : by_call_) {
    text += fmt::format("{} {} {}\n", call, function.id, function.prototype);
  }
  return text;
}

CallFunctions CallFunctions::of_text(std::string_view text) {
  CallFunctions functions;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    functions.has_throw_ |= line == kThrow;
    std::istringstream words(line);
    std::string call;
    Function function;
    if (words >> call >> function.id >> function.prototype) {
      functions.by_call_.insert_or_assign(std::move(call), function);
    }
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
