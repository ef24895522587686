/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What user space is to look at, while it still is there. */
#pragma once

/* Nonzero where there was no room. */
static __always_inline long notify(__u32 kind, __u32 tgid, __u32 seq, __u64 lo, __u64 hi)
{
	struct jt_notice_record record = {
		.head = { .type = JT_RECORD_NOTICE, .time_ns = bpf_ktime_get_ns() },
		.notice = kind,
		.tgid = tgid,
		.seq = seq,
		.lo = lo,
		.hi = hi,
	};

	/* Rare, and user space should look while the mapping, or the process, still is there. */
	if (!bpf_ringbuf_output(&ring, &record, sizeof(record), BPF_RB_FORCE_WAKEUP))
		return 0;
	bump(JT_COUNTER_NOTICE_LOST);
	return -1;
}
