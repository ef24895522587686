// SPDX-License-Identifier: Apache-2.0
#pragma once

// Labels in code that never runs: only its CFI matters.
extern "C" {
extern const char jt_fix_plain[];
extern const char jt_fix_pushed[];
extern const char jt_fix_framed[];
extern const char jt_fix_restored[];
extern const char jt_fix_popped[];
extern const char jt_fix_gap[];
extern const char jt_fix_drap[];
extern const char jt_fix_drap_body[];
extern const char jt_fix_end[];
extern const char jt_fix_other[];
extern const char jt_fix_ra_in_register[];
extern const char jt_fix_lost[];
extern const char jt_fix_marked[];
extern const char jt_fix_last[];
}
