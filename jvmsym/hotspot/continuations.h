// SPDX-License-Identifier: Apache-2.0
// Virtual threads (JDK 21 on): what a walk needs to go through a continuation to its carrier
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/ids.h"
#include "bpf/jtrace_abi.h"
#include "jvmsym/hotspot/vm_structs.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

// No table of JDK 21 to 26 has these (JDK-8378985 exports the first two in 27): they are known only
// where .symtab was kept. Statics; those named after an offset hold it.
inline constexpr std::string_view kReturnBarrierSymbol = "_ZN12StubRoutines19_cont_returnBarrierE";
inline constexpr std::string_view kEnterReturnSymbol = "_ZN17ContinuationEntry10_return_pcE";
inline constexpr std::array<std::string_view, 11> kChunkSymbols = {
    "UseCompressedOops",
    "_ZN14CompressedOops11_narrow_oopE",
    "_ZN14CompressedOops5_baseE",
    "_ZN14CompressedOops6_shiftE",
    "_ZN23InstanceStackChunkKlass16_offset_of_stackE",
    "_ZN28jdk_internal_vm_Continuation12_tail_offsetE",
    "_ZN26jdk_internal_vm_StackChunk14_parent_offsetE",
    "_ZN26jdk_internal_vm_StackChunk12_cont_offsetE",
    "_ZN26jdk_internal_vm_StackChunk10_sp_offsetE",
    "_ZN26jdk_internal_vm_StackChunk14_bottom_offsetE",
    "_ZN26jdk_internal_vm_StackChunk10_pc_offsetE"};

// The size of a ContinuationEntry and where its parts lie, told by the code of enterSpecial that
// fills it (sharedRuntime_x86_64.cpp fill_continuation_entry): `code` ends at its return address.
[[nodiscard]] bool decode_enter_special(std::span<const std::byte> code, jt_hotspot& config);

// False where the release has no continuations, its symbols were stripped, or the JVM has not made
// its first one yet: `config` stays as it was. Without what it takes to read chunks in the heap,
// off_chunk_stack stays 0.
[[nodiscard]] bool read_continuations(const process::MemoryReader& memory, const VmSymbols& symbols,
                                      jt_hotspot& config);

}  // namespace jtrace::jvmsym::hotspot
