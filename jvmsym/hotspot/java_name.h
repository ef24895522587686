// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace jtrace::jvmsym::hotspot {

// "pkg/Class.method" as it is shown: without what differs from run to run in the names of classes
// made at run time, so that they add up. Drops the address of a hidden class ("+0x...", "/0x...")
// and the counters of $$Lambda and LambdaForm classes:
//   Main$$Lambda$14+0x0000000800c03000.run       -> Main$$Lambda.run
//   java/lang/invoke/LambdaForm$MH012/0x1.invoke -> java/lang/invoke/LambdaForm$MH.invoke
[[nodiscard]] std::string normalise_name(std::string_view name);

}  // namespace jtrace::jvmsym::hotspot
