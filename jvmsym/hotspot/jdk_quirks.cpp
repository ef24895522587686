// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/jdk_quirks.h"

#include <array>

namespace jtrace::jvmsym::hotspot {
namespace {

struct Row {
  int last_major;  // holds for this release and all before it
  void (*apply)(JdkQuirks&);
};

constexpr std::array kRows = {
    // The class mirror came into the interpreter frame below the Method* with JDK 9 (JDK-8154580)
    // and moved all that lies under it by one word.
    Row{8, [](JdkQuirks& quirks) { quirks.slot_bcp = -7; }},
    // UNSIGNED5 keeps the byte 0 free as a terminator since JDK 20 (JDK-8292758).
    // A sweeper of its own freed compiled code, since JDK 13 without a safepoint; since 20 only
    // collections do (JDK-8290025).
    Row{19,
        [](JdkQuirks& quirks) {
          quirks.unsigned5_excludes_zero = false;
          quirks.code_is_freed_at_safepoints = false;
        }},
};

}  // namespace

JdkQuirks jdk_quirks(int major) {
  JdkQuirks quirks;
  for (const Row& row : kRows) {
    if (major <= row.last_major) row.apply(quirks);
  }
  return quirks;
}

}  // namespace jtrace::jvmsym::hotspot
