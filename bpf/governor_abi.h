/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Of jtrace_abi.h: what the governor (--max-overhead, --max-rate) knows and decides. */
#ifndef JTRACE_GOVERNOR_ABI_H
#define JTRACE_GOVERNOR_ABI_H

enum jt_run_kind {
	JT_RUN_OUT = 0,    /* of an event that the governor leaves out */
	JT_RUN_KEPT = 1,   /* ... that it lets pass */
	JT_RUN_OTHERS = 2, /* of an event of no target */
	JT_RUN_KINDS = 3,
};

/* Of how many runs one is measured. */
#define JT_MEASURED_OUT  64
#define JT_MEASURED_KEPT 8

/* Of all CPUs; sums only grow. */
struct jt_governor {
	/* Written by user space. */
	__u64 budget;   /* ns of each second that programs may take; 0: any */
	__u64 max_rate; /* events a second that are kept; 0: any */
	/* Added up by BPF. */
	__u64 decided[2]; /* events, by enum jt_run_kind */
	__u64 runs[2];    /* of programs: an event with a begin and an end has two */
	__u64 wanted;     /* of those that passed: what the filter lets pass, too; with max_rate */
	__u64 time_ns[JT_RUN_KINDS]; /* in programs; measured, and scaled to all runs */
	/* The law's own (governor.h): written by one CPU at a time. */
	__u64 mean_ns[2]; /* of the last JT_MEAN_OF measured runs, in sixteenths */
	__u64 long_ns[2]; /* of the last JT_LONG_MEAN_OF */
	__u32 means[2];   /* how many there were, up to that */
	struct {
		__u64 decided[2], runs[2], wanted;
	} seen, recent;   /* at the last step; since a while */
	__u64 stepped_ns; /* when the last step was */
	__u64 spent_ns;   /* up to then: runs, each at what its kind takes */
	__u64 rate;       /* decisions a second */
	__u64 alarm_ns;   /* a step comes at once when the runs behind the last one took as much */
	__s64 balance;    /* ns of the budget that are left */
	__s64 tokens;     /* for max_rate */
	__u64 steps;
	__u32 ratio;       /* of so many events one is kept */
	__u32 least, most; /* of them since user space set both */
	__u32 busy;        /* a CPU is at it */
};

#ifndef __cplusplus
#define static_assert _Static_assert
#endif
static_assert(sizeof(struct jt_governor) == 272, "ABI");
#endif
