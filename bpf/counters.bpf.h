/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Per-CPU counters; the list is JT_COUNTER_LIST in jtrace_abi.h. A row for what belongs to no
 * event, then one for each event number, so that an event's own ledger costs nothing more than that
 * of all; then the events' again, for windows with an odd number. */
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

static __always_inline __u32 row_of(__u32 window, __u32 event)
{
	return cfg.has_windows && window ? event + 1 + cfg.events : event + 1;
}

/* What adds up in a window's ledger takes one `window` for all of an event. */
static __always_inline void bump_of(__u32 window, __u32 event, enum jt_counter counter)
{
	add_to_row(row_of(window, event), counter, 1);
}
