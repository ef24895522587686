// SPDX-License-Identifier: Apache-2.0
// The BPF object that is built in.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bpf/jtrace_abi.h"
#include "jtrace_bpf.skel.h"

namespace jtrace::capture {

struct SkeletonDelete {
  void operator()(struct jtrace_bpf* skeleton) const { jtrace_bpf__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<struct jtrace_bpf, SkeletonDelete>;

[[nodiscard]] std::span<const std::byte> object_bytes();

// Opened, to be configured and loaded: relocated by KernelTypes, where those can be had; their file
// is open in `types` and has to stay so until then.
[[nodiscard]] Result<Skeleton> open_object(UniqueFd& types);

// Makes these maps at once, each list by a thread: one of 16 MB takes 7 ms, which is the kernel's
// to clear its pages. Those that cannot be made so are left to libbpf, which says why.
void make_maps(std::span<bpf_map* const> here, std::span<bpf_map* const> beside);

}  // namespace jtrace::capture
