// SPDX-License-Identifier: Apache-2.0
// System calls at the raw tracepoints of all of them, told apart by their numbers.
#include "capture/raw_calls.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "bpf/entry_abi.h"
#include "capture/capture_impl.h"

namespace jtrace::capture {
namespace {

constexpr const char* kBegin = "sys_enter";
constexpr const char* kEnd = "sys_exit";

}  // namespace

bpf_program* Capture::Impl::raw_begin_program() const {
  return features.bpf_loop ? skeleton->progs.jt_raw_begin : skeleton->progs.jt_raw_begin_chain;
}

bpf_program* Capture::Impl::raw_end_program() const {
  return features.bpf_loop ? skeleton->progs.jt_raw_end : skeleton->progs.jt_raw_end_chain;
}

void Capture::Impl::autoload_raw_calls(const CaptureConfig& config) const {
  const auto& progs = skeleton->progs;
  if (config.raw_begins) bpf_program__set_autoload(raw_begin_program(), true);
  if (config.raw_ends) bpf_program__set_autoload(raw_end_program(), true);
  bpf_program__set_autoload(progs.jt_raw_note, config.raw_ends && config.timed);
  bpf_program__set_autoload(progs.jt_raw_mapped, config.raw_mappings);
  const bool chains = config.raw || config.raw_begins || config.raw_ends;
  bpf_program__set_autoload(progs.jt_raw_chain, chains && !features.bpf_loop);
}

// Once, however many calls it is for.
Status Capture::Impl::attach_to_all_calls(const bpf_program* program, const char* name) {
  if (std::ranges::find(to_all_calls, program) != to_all_calls.end()) return {};
  JT_CHECK_OK(attach_raw(program, name, 0));
  to_all_calls.push_back(program);
  return {};
}

Status Capture::attach_raw_call(const RawCall& call) {
  const auto& maps = impl_->skeleton->maps;
  jt_raw_call row{};
  const std::uint32_t number = call.number;
  const std::uint64_t cookie =
      JT_COOKIE_SET | call.event | (call.kernel_stacks ? JT_COOKIE_KERNEL : 0);
  bool written =
      bpf_map__lookup_elem(maps.raw_calls, &number, sizeof(number), &row, sizeof(row), 0) == 0;
  const std::array fields{&row.begin, &row.end, &row.noted};
  *fields.at(static_cast<std::size_t>(call.what)) = cookie;
  written = written && bpf_map__update_elem(maps.raw_calls, &number, sizeof(number), &row,
                                            sizeof(row), BPF_ANY) == 0;
  if (!written) {
    return fail(Errc::Internal, errno_text("ask for call " + std::to_string(number), errno));
  }
  switch (call.what) {
    case RawCall::What::End:
      return impl_->attach_to_all_calls(impl_->raw_end_program(), kEnd);
    case RawCall::What::Noted:
      return impl_->attach_to_all_calls(impl_->skeleton->progs.jt_raw_note, kBegin);
    case RawCall::What::Begin:
      break;
  }
  return impl_->attach_to_all_calls(impl_->raw_begin_program(), kBegin);
}

Status Capture::attach_raw_mappings() {
  return impl_->attach_to_all_calls(impl_->skeleton->progs.jt_raw_mapped, kEnd);
}

}  // namespace jtrace::capture
