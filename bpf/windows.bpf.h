/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Windows: what is counted is there twice, and by turns. An event reads the window's number once
 * and belongs to it, whatever becomes of the number meanwhile. User space counts the number up,
 * waits until the programs that may have read the last one have ended (RCU), takes what the last
 * one's set holds, and empties it for the next but one. So nothing is detached, nobody waits, and
 * no event is counted twice or not at all.
 *
 * Two maps of each kind and a branch, not a map of maps: a look-up less, and programs that have no
 * windows are those they were.
 */
#pragma once

static __always_inline __u32 window_now(void)
{
	return cfg.has_windows ? state.window & 1 : 0;
}

#define JT_SET_OF(map) \
	static __always_inline void *map##_of(__u32 window) \
	{ \
		return cfg.has_windows && (window & 1) ? (void *)&odd_##map : (void *)&map; \
	}

JT_SET_OF(counts)
JT_SET_OF(stacks)
JT_SET_OF(tuples)
JT_SET_OF(stack_ids)
