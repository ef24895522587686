/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Load-time configuration: constants to the verifier, so what is off is not even there. */
#pragma once

/* Changed while programs run. */
struct {
	__u32 paused; /* written by user space: events are not counted at all */
	__u32 window; /* written by user space: the number of the window; see windows.bpf.h */
	__u32 tables; /* written by user space: moves behind each change of ranges and JVMs */
	/* Written by BPF, by window: no room for a new stack, so none is sent any more; for new
	 * values. */
	__u32 counts_full[2];
	__u32 tuples_full[2];
	__u64 woke;       /* written by BPF: when user space was last woken for a stack */
	__u64 resumed_ns; /* written by user space: CLOCK_MONOTONIC when counting began */
	/* Written by user space: cookies of the one event at a tracepoint and of the one at a raw
	 * one, where the kernel has none. */
	__u64 point_cookie;
	__u64 raw_cookie;
} volatile state;

/* Where cfg.has_governor. */
struct jt_governor governor;

const volatile struct jt_config cfg = {
	.max_frames = JT_MAX_FRAMES,
};

/* The base of the stacks' hash to the power of each number, as cfg. */
const volatile __u64 powers[JT_MAX_FRAMES + 1];
