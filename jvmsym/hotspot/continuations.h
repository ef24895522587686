// SPDX-License-Identifier: Apache-2.0
// Virtual threads (JDK 21 on): what a walk needs to leave a continuation for its carrier thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/ids.h"
#include "jvmsym/hotspot/vm_structs.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

// No table of JDK 21 to 26 has these (JDK-8378985 exports them in 27): only where .symtab was kept.
inline constexpr std::string_view kReturnBarrierSymbol = "_ZN12StubRoutines19_cont_returnBarrierE";
inline constexpr std::string_view kEnterReturnSymbol = "_ZN17ContinuationEntry10_return_pcE";

struct ContinuationConfig {
  std::uint64_t barrier = 0;       // return address that stands for frames in the heap
  std::uint64_t enter_return = 0;  // return address into Continuation.enterSpecial
  std::uint16_t entry_bytes = 0;   // of a ContinuationEntry on the stack
  std::uint16_t argsize = 0;       // offset of its _argsize
};

// The size of a ContinuationEntry and its _argsize, told by the code of enterSpecial that fills it
// (sharedRuntime_x86_64.cpp fill_continuation_entry): `code` ends at its return address.
[[nodiscard]] std::optional<ContinuationConfig> decode_enter_special(
    std::span<const std::byte> code);

// nullopt where the release has none, the symbols were stripped, or the JVM is not that far yet.
[[nodiscard]] std::optional<ContinuationConfig> read_continuations(
    const process::MemoryReader& memory, std::optional<ProcessAddr> barrier,
    std::optional<ProcessAddr> enter_return);

}  // namespace jtrace::jvmsym::hotspot
