/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Per-CPU counters; the list is JT_COUNTER_LIST in jtrace_abi.h. A row for each event number, and
 * one for what belongs to none; so an event's own ledger costs nothing more than that of all. */
#pragma once

static __always_inline void add_to_row(__u32 row, enum jt_counter counter, __u64 n)
{
	struct jt_counters *all = bpf_map_lookup_elem(&counters, &row);

	if (all)
		all->value[counter] += n;
}

/* Of no event. */
static __always_inline void add(enum jt_counter counter, __u64 n)
{
	add_to_row(0, counter, n);
}

static __always_inline void bump(enum jt_counter counter)
{
	add_to_row(0, counter, 1);
}

static __always_inline void bump_of(__u32 event, enum jt_counter counter)
{
	add_to_row(event + 1, counter, 1);
}
