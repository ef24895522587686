/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What one process may take of the ring buffer where others need it, too. */
#pragma once

#define JT_RING_SHARES 1024
#define JT_RING_PART   16

/* How much has to be free for the greedy, too: a quarter for stacks that user space is to walk,
 * which take up to 64 KiB each and come again until there are tables for them, less for frames,
 * once a stack. */
#define JT_FREE_FOR_DEFERRED 4
#define JT_FREE_FOR_STACK    16

/*
 * While less than that part of the ring is free, a process whose records took a sixteenth of its
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

static __always_inline __u64 ring_round(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_PROD_POS) /
	       bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE);
}

/*
 * 0: it goes the way of a record for which the ring has no room. With one target there are no
 * others. Not a map: the key of a look-up would lie on the stack, of which programs that hold an
 * event have nearly all 512 bytes in use.
 */
__noinline int jt_has_ring_share(__u32 tgid, __u32 free_part)
{
	__u64 size, round, taken;

	if (cfg.only_tgid)
		return 1;
	size = bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE);
	round = ring_round();
	taken = ring_bytes_of(&ring_shares[tgid & (JT_RING_SHARES - 1)], round);
	return taken <= size / JT_RING_PART || taken < ring_bytes_of(&ring_most, round) / 2 ||
	       bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) <= size - size / free_part;
}

/* Bytes that a record of this process takes. */
__noinline int jt_take_of_ring(__u32 tgid, __u32 bytes)
{
	volatile struct jt_ring_share *share = &ring_shares[tgid & (JT_RING_SHARES - 1)];
	__u64 round, taken;

	if (cfg.only_tgid)
		return 0;
	round = ring_round();
	taken = ring_bytes_of(share, round) + bytes;
	share->bytes = taken;
	if (taken > ring_bytes_of(&ring_most, round))
		ring_most.bytes = taken;
	return 0;
}
