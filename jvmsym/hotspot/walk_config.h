// SPDX-License-Identifier: Apache-2.0
// What the BPF side needs to step through Java frames: jt_hotspot.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "bpf/jtrace_abi.h"
#include "jvmsym/hotspot/code_heap.h"
#include "jvmsym/hotspot/layout.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

// All but the two names. Errc::Target: "not ready", or what of the layout is missing.
[[nodiscard]] Result<jt_hotspot> make_walk_config(const process::MemoryReader& memory,
                                                  const Layout& layout,
                                                  const std::vector<CodeHeapInfo>& heaps);

// Looks for the first nmethod and the first native wrapper; true where a name was learned.
// Their addresses cannot be looked up: the linker merges "nmethod" into the end of
// "native nmethod", and other strings may end the same way.
bool learn_names(const process::MemoryReader& memory, const BlobReader& blobs,
                 const std::vector<CodeHeapInfo>& heaps, jt_hotspot& config);

}  // namespace jtrace::jvmsym::hotspot
