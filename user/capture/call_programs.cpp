// SPDX-License-Identifier: Apache-2.0
// Programs at functions of system calls: each is loaded for one function, so that there is one of a
// few instructions for each event, and one that walks for all.
#include "capture/call_programs.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/rights.h"
#include "bpf/entry_abi.h"
#include "capture/capture_impl.h"
#include "capture/kernel_types.h"
#include "capture/verifier_log.h"

namespace jtrace::capture {
namespace {

// An instruction of two halves.
constexpr std::uint64_t kCookieHere = JT_COOKIE_HERE;

bool put_cookie(std::vector<bpf_insn>& instructions, std::uint64_t cookie) {
  constexpr int kHalf = 32;
  bool put = false;  // the compiler may have made more than one of it
  for (std::size_t i = 0; i + 1 < instructions.size(); ++i) {
    bpf_insn& low = instructions[i];
    bpf_insn& high = instructions[i + 1];
    if (low.code != (BPF_LD | BPF_IMM | BPF_DW) || low.src_reg != 0 ||
        low.imm != static_cast<std::int32_t>(kCookieHere) ||
        high.imm != static_cast<std::int32_t>(kCookieHere >> kHalf)) {
      continue;
    }
    low.imm = static_cast<std::int32_t>(cookie);
    high.imm = static_cast<std::int32_t>(cookie >> kHalf);
    put = true;
  }
  return put;
}

}  // namespace

UniqueFd load_at_function(const char* name, std::span<const bpf_insn> instructions,
                          std::uint32_t type) {
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FENTRY,
              .attach_btf_id = type);
  return UniqueFd(::bpf_prog_load(BPF_PROG_TYPE_TRACING, name, "GPL", instructions.data(),
                                  instructions.size(), &options));
}

UniqueFd load_call_program(const CallProgram& program) {
  const bpf_insn* first = bpf_program__insns(program.jt_call);
  std::vector<bpf_insn> instructions(first, first + bpf_program__insn_cnt(program.jt_call));
  if (!put_cookie(instructions, program.cookie)) {
    errno = EINVAL;
    return {};
  }
  for (bpf_insn& one : instructions) {
    const bool is_map = one.code == (BPF_LD | BPF_IMM | BPF_DW) && one.src_reg == BPF_PSEUDO_MAP_FD;
    if (is_map && one.imm == program.from) one.imm = program.to;
  }
  return load_at_function("jt_call", instructions, program.type);
}

Status Capture::attach_call(const std::string& call, std::uint32_t event, bool kernel_stacks) {
  const auto function = impl_->functions.find(call);
  const std::string what = "attach to function " + CallFunctions::function_of(call);
  const auto walker = std::ranges::find(impl_->walkers, function.prototype, &CallWalker::prototype);
  if (walker == impl_->walkers.end()) {
    return fail(Errc::Internal, what + ": no such function was loaded for");
  }
  const int from = bpf_map__fd(impl_->skeleton->maps.call_programs);
  const int to = walker->own ? bpf_map__fd(walker->own->maps.call_programs) : from;
  const std::uint64_t cookie = event | (kernel_stacks ? JT_COOKIE_KERNEL : 0);
  const Raised rights(kToLoad);
  UniqueFd program = load_call_program({.jt_call = impl_->skeleton->progs.jt_call,
                                        .type = function.id,
                                        .cookie = cookie,
                                        .from = from,
                                        .to = to});
  UniqueFd link(program.valid() ? ::bpf_raw_tracepoint_open(nullptr, program.get()) : -1);
  if (!link.valid()) {
    return fail(Errc::Environment, errno_text(what, errno),
                "--attach tracepoint does without (doctor: bpf-features)");
  }
  impl_->call_programs.push_back(std::move(program));
  impl_->raw_links.push_back(std::move(link));
  return {};
}

Status Capture::attach_mapping_functions() {
  const auto& progs = impl_->skeleton->progs;
  const Raised rights(kToLoad);
  for (const bpf_program* program :
       {progs.jt_made_mmap, progs.jt_made_mprotect, progs.jt_made_mremap}) {
    const LogCapture log;
    Link link(bpf_program__attach_trace(program));
    if (!link) {
      return fail(Errc::Environment,
                  errno_text(std::string("attach ") + bpf_program__name(program), errno),
                  "--attach tracepoint does without (doctor: bpf-features)");
    }
    impl_->links.push_back(std::move(link));
  }
  return {};
}

Status Capture::Impl::find_functions(const CaptureConfig& config) {
  if (config.functions.empty()) return {};
  JT_TRY(const KernelTypes* const kernel, KernelTypes::of_kernel());
  functions = kernel->functions();
  for (const std::string& call : config.functions) {
    const auto function = functions.find(call);
    if (function.id == 0) {
      return fail(Errc::Environment,
                  "the kernel's types have no " + CallFunctions::function_of(call),
                  "--attach tracepoint does without (doctor: bpf-features)");
    }
    if (std::ranges::find(walkers, function.prototype, &CallWalker::prototype) == walkers.end()) {
      walkers.push_back(
          {.prototype = function.prototype, .model = CallFunctions::function_of(call)});
    }
  }
  return {};
}

// Those that walk at functions; of the model's kind, where they are to be loaded.
void Capture::Impl::autoload_walker(const struct jtrace_bpf& object,
                                    const CallWalker* walker) const {
  const auto& progs = object.progs;
  const std::array<std::pair<bpf_program*, bool>, 3> all{
      {{progs.jt_call_event, features.bpf_loop},
       {progs.jt_call_event_chain, !features.bpf_loop},
       {progs.jt_call_chain, !features.bpf_loop}}};
  for (const auto& [program, wanted] : all) {
    const bool loads = walker != nullptr && wanted;
    bpf_program__set_autoload(program, loads);
    if (loads) (void)bpf_program__set_attach_target(program, 0, walker->model.c_str());
  }
}

Status Capture::Impl::load_walker(CallWalker& walker) {
  constexpr const char* kWhat = "load BPF programs at functions";
  struct jtrace_bpf* object = skeleton.get();
  UniqueFd types;
  if (&walker != &walkers.front()) {
    JT_TRY(walker.own, open_object(types));
    const LogCapture log;
    object = walker.own.get();
    bpf_program* program = nullptr;
    while ((program = bpf_object__next_program(object->obj, program)) != nullptr) {
      bpf_program__set_autoload(program, false);
    }
    autoload_walker(*object, &walker);
    bpf_map* map = nullptr;
    while ((map = bpf_object__next_map(object->obj, map)) != nullptr) {
      const bpf_map* same = bpf_object__find_map_by_name(skeleton->obj, bpf_map__name(map));
      if (map == object->maps.call_programs || same == nullptr) continue;
      if (bpf_map__reuse_fd(map, bpf_map__fd(same)) != 0) {
        return fail(Errc::Internal, errno_text(kWhat, errno) + log.tail());
      }
    }
    if (jtrace_bpf__load(object) != 0) {
      return fail(Errc::Internal, errno_text(kWhat, errno) + log.tail());
    }
  }
  JT_CHECK_OK(fill_chain(
      object->maps.call_programs, 0,
      features.bpf_loop ? object->progs.jt_call_event : object->progs.jt_call_event_chain));
  return fill_chain(object->maps.call_programs, 1, object->progs.jt_call_chain);
}

void Capture::Impl::autoload_functions(const CaptureConfig& config) {
  const auto& progs = skeleton->progs;
  const CallWalker* first = walkers.empty() ? nullptr : &walkers.front();
  autoload_walker(*skeleton, first);
  bpf_program__set_autoload(progs.jt_call, first != nullptr);
  if (first != nullptr) {
    (void)bpf_program__set_attach_target(progs.jt_call, 0, first->model.c_str());
  }
  for (bpf_program* program : {progs.jt_made_mmap, progs.jt_made_mprotect, progs.jt_made_mremap}) {
    bpf_program__set_autoload(program, config.mapping_functions);
  }
  const bool others = config.mapping_functions || config.raw_mappings;
  for (bpf_program* program :
       {progs.jt_enter_mmap, progs.jt_exit_mmap, progs.jt_enter_mprotect, progs.jt_exit_mprotect,
        progs.jt_enter_mremap, progs.jt_exit_mremap}) {
    bpf_program__set_autoload(program, !others);
  }
}

}  // namespace jtrace::capture
