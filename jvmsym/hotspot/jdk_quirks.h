// SPDX-License-Identifier: Apache-2.0
// What differs between JDK releases and no table of HotSpot tells: the only place where a version
// number decides. Everything else is decided by which fields exist (layout.cpp).
#pragma once

#include <cstdint>

namespace jtrace::jvmsym::hotspot {

// Values of the newest release known; rows of the table in jdk_quirks.cpp set them back.
struct JdkQuirks {
  std::int8_t slot_sender_sp = -1;  // interpreter frame, words from rbp
  std::int8_t slot_method = -3;
  std::int8_t slot_bcp = -8;
  bool unsigned5_excludes_zero = true;
  bool code_is_freed_at_safepoints = true;  // one is passed before its memory is used again
};

[[nodiscard]] JdkQuirks jdk_quirks(int major);

}  // namespace jtrace::jvmsym::hotspot
