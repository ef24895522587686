/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef JTRACE_ENTRY_ABI_H
#define JTRACE_ENTRY_ABI_H

/* In jt_call; user space looks for it, and puts the copy's own cookie in its place. */
#define JT_COOKIE_HERE 0x6a745f636f6f6b65 /* jt_cooke */

/* --attach raw, of one system call: what is counted at its begin, and at its end, and whose begin
 * is noted. User space writes cookies with this bit; 0: nothing. */
#define JT_COOKIE_SET (1ULL << 63)

struct jt_raw_call {
	__u64 begin;
	__u64 end;
	__u64 noted;
};

#endif
