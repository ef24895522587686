/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Per-CPU counters; the list is JT_COUNTER_LIST in jtrace_abi.h. */
#pragma once

static __always_inline void add(enum jt_counter counter, __u64 n)
{
	__u32 zero = 0;
	struct jt_counters *all = bpf_map_lookup_elem(&counters, &zero);

	if (all)
		all->value[counter] += n;
}

static __always_inline void bump(enum jt_counter counter)
{
	add(counter, 1);
}
