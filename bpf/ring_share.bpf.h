/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What one process may take of the ring buffer where others need it, too. */
#pragma once

#define JT_RING_SHARES 1024
#define JT_RING_PART   16

/*
 * While less than a quarter of the ring is free, a process whose records took a sixteenth of its
 * size this round (the ring once over), and half of what the greediest took, gets no more of it:
 * one that makes new stacks faster than they are drained, 64 KiB each, loses its own, and not the
 * first ones of others. Processes whose numbers are alike share; races lose some of a sum.
 */
static volatile struct jt_ring_share {
	__u64 round;
	__u64 bytes;
} ring_shares[JT_RING_SHARES], ring_most;

static __always_inline __u64 ring_bytes_of(volatile struct jt_ring_share *share, __u64 round)
{
	if (share->round != round) {
		share->round = round;
		share->bytes = 0;
	}
	return share->bytes;
}

/*
 * False: it goes the way of a record for which the ring has no room. With one target there are no
 * others. Not a map: the key of a look-up would lie on the stack, of which programs that hold an
 * event have all 512 bytes in use.
 */
static __always_inline bool has_ring_share(__u32 tgid, __u32 bytes)
{
	__u64 size, round, taken, most;
	volatile struct jt_ring_share *share;

	if (cfg.only_tgid)
		return true;
	size = bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE);
	round = bpf_ringbuf_query(&ring, BPF_RB_PROD_POS) / size;
	share = &ring_shares[tgid & (JT_RING_SHARES - 1)];
	taken = ring_bytes_of(share, round);
	most = ring_bytes_of(&ring_most, round);
	if (taken > size / JT_RING_PART && taken >= most / 2 &&
	    bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > size - size / 4)
		return false;
	share->bytes = taken + bytes;
	if (taken + bytes > most)
		ring_most.bytes = taken + bytes;
	return true;
}
