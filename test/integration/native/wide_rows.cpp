// SPDX-License-Identifier: Apache-2.0
// Shared library with as many unwind rows as libjvm.so and half as many again, in 1 MB; what it
// does besides is to call back.
#include "integration/native/chain.h"

// 3000 functions of 100 rows.
asm(R"(
  .text
  .rept 3000
  .cfi_startproc
  .rept 50
  nop
  .cfi_def_cfa_offset 16
  nop
  .cfi_def_cfa_offset 8
  .endr
  .cfi_endproc
  .endr
)");

extern "C" TRUTH_FRAME void wide_back(truth::Callback callback) { callback(); }
