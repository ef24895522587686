/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef JTRACE_ENTRY_ABI_H
#define JTRACE_ENTRY_ABI_H

/* In jt_call; user space looks for it, and puts the copy's own cookie in its place. */
#define JT_COOKIE_HERE 0x6a745f636f6f6b65 /* jt_cooke */

#endif
