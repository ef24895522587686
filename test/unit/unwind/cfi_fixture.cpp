// SPDX-License-Identifier: Apache-2.0
// One label a kind of rule. Assembled and linked as any code is, so the encodings are real.
#include "cfi_fixture.h"

asm(R"(
  .text
  .p2align 4
  .globl jt_fix_plain, jt_fix_pushed, jt_fix_framed, jt_fix_restored, jt_fix_popped
jt_fix_plain:
  .cfi_startproc
  nop
  .cfi_def_cfa_offset 16
  .cfi_offset rbp, -16
jt_fix_pushed:
  nop
  .cfi_def_cfa_register rbp
  .cfi_offset rbx, -24
jt_fix_framed:
  nop
  .cfi_remember_state
  .cfi_restore rbx
  .cfi_restore rbp
  .cfi_def_cfa rsp, 8
jt_fix_popped:
  nop
  .cfi_restore_state
jt_fix_restored:
  nop
  .cfi_endproc

  .globl jt_fix_gap
jt_fix_gap:
  .fill 32, 1, 0x90

  # A realigned stack as gcc writes it: r10 holds the CFA, then its copy at rbp - 8 does.
  .globl jt_fix_drap, jt_fix_drap_body
jt_fix_drap:
  .cfi_startproc
  .cfi_def_cfa r10, 0
  nop
  .cfi_escape 0x10, 6, 2, 0x76, 0
  .cfi_escape 0x10, 3, 2, 0x76, 0x68
  .cfi_escape 0x0f, 3, 0x76, 0x78, 0x06
jt_fix_drap_body:
  nop
  .cfi_endproc

  .globl jt_fix_end
jt_fix_end:
  .cfi_startproc
  .cfi_undefined rip
  nop
  .cfi_endproc

  .globl jt_fix_other, jt_fix_ra_in_register
jt_fix_other:
  .cfi_startproc
  .cfi_def_cfa rdi, 16
  nop
  .cfi_def_cfa rsp, 8
  .cfi_register rip, rdx
jt_fix_ra_in_register:
  nop
  .cfi_endproc

  # Saved at rsp + 8 where the CFA is rsp + 32; above the CFA; at no multiple of 8.
  .globl jt_fix_lost
jt_fix_lost:
  .cfi_startproc
  .cfi_def_cfa_offset 32
  .cfi_escape 0x10, 6, 2, 0x77, 8
  .cfi_offset rbx, 8
  nop
  .cfi_endproc

  # Marked as a signal frame, but with an ordinary rule.
  .globl jt_fix_marked, jt_fix_last
jt_fix_marked:
  .cfi_startproc
  .cfi_signal_frame
  nop
  .cfi_endproc
jt_fix_last:
  .fill 16, 1, 0x90
)");
