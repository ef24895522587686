/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What both sides share of processes: who is a target, and by whose tables it is walked. Part of
 * jtrace_abi.h. */
#ifndef JTRACE_TARGET_ABI_H
#define JTRACE_TARGET_ABI_H

#define JT_MANY_TARGETS 32768 /* where processes come while tracing: those looked at, too */
#define JT_MAX_CGROUPS  8
#define JT_MAX_TIDS     1024
#define JT_COMM_BYTES   16 /* TASK_COMM_LEN */

enum jt_target_state {
	JT_TARGET_TRACED = 0,
	JT_TARGET_REJECTED = 1, /* looked at, and none: until its next exec */
	JT_TARGET_NEVER = 2,    /* jtrace's own; so are its children */
	JT_TARGET_HELD = 3,     /* traced from its next exec on */
	JT_TARGET_ASK = 4,      /* to be looked at when it fires an event */
};

/* One per process that was looked at. Written by user space, replaced whole, so that a reader never
 * sees half; made by BPF where processes come while tracing, of which BPF writes `state` and what
 * an exec makes void. */
struct jt_target {
	__u32 first_range;
	__u32 ranges;
	__u32 clean_seq;        /* mapping changes up to this number are in the ranges */
	__u32 jvm;              /* index + 1, 0: none known */
	__u64 code_lo, code_hi; /* reserved code cache: mapping changes inside need no refresh */
	__u64 birth; /* tells processes apart that have one number after the other; 0: there at
	                start */
	__u32 space; /* process whose tables these are: itself, or who forked it, until it has its
	                own */
	__u8 state;  /* enum jt_target_state */
	__u8 announced; /* user space knows of it */
	__u8 followed;  /* because of who started it, whatever it executes */
	__u8 lent;      /* it runs in the memory of who made it: `makers` */
};

/* r13, ax and di are those at the event, for its own frame only. */
struct jt_regs {
	__u64 pc, sp, fp, bx, r13, ax, di;
};

/* A thread that made a child in its own memory and waits for it: where the child's stack goes on.
 */
struct jt_maker {
	struct jt_regs regs;
	__u32 tid, pad;
};

/* One per traced process, written by BPF when executable mappings change. */
struct jt_dirty {
	__u32 seq, pad;
	__u64 lo, hi; /* union of what changed since the table was last clean */
};

#ifndef __cplusplus
#define static_assert _Static_assert
#endif
static_assert(sizeof(struct jt_target) == 48, "ABI");
static_assert(sizeof(struct jt_dirty) == 24, "ABI");
#endif
