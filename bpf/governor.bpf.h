/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * --max-overhead and --max-rate: which events are looked at. Decided first thing; what is kept
 * counts for all that it stands for. Each CPU counts for itself and hands its numbers over at
 * measured runs, and at its first event in a new tick, so that a CPU costs no other one its cache
 * lines, and after a pause the first event already meets the ratio that is right then.
 */
#pragma once

#include "governor.h"

/* Written by BPF only. */
struct jt_governed {
	__u64 tick; /* when it was handed over last, in jiffies */
	__u64 id;   /* a thread whose events count, as it was found in this tick */
	/* When the run that is measured began. A run that comes between takes its place, and makes
	 * it look a little shorter; but jt_event has no room left (held.bpf.h). */
	__u64 began;
	__u32 decided[2], runs[2];
	__u32 wanted, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_governed);
} governed SEC(".maps");

static __always_inline struct jt_governed *governed_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&governed, &zero);
}

static __always_inline void hand_over(struct jt_governed *g)
{
	__u32 i;

	for (i = 0; i < 2; i++) {
		__sync_fetch_and_add(&governor.decided[i], g->decided[i]);
		__sync_fetch_and_add(&governor.runs[i], g->runs[i]);
		g->decided[i] = 0;
		g->runs[i] = 0;
	}
	__sync_fetch_and_add(&governor.wanted, g->wanted);
	g->wanted = 0;
}

static __always_inline void step_if_due(void)
{
	__u64 now = bpf_ktime_get_ns();

	if (!jt_step_is_due(&governor, now))
		return;
	/* As take_scratch(): of two that see each other neither goes on; the next one does. */
	__sync_fetch_and_add(&governor.busy, 1);
	if (*(volatile __u32 *)&governor.busy == 1 && jt_step_is_due(&governor, now)) {
		if (cfg.has_max_rate)
			__sync_fetch_and_add(&governor.tokens,
			                     jt_new_tokens(&governor, now - governor.stepped_ns));
		jt_govern(&governor, now);
	}
	__sync_fetch_and_add(&governor.busy, -1);
}

/* Hands over what this CPU has counted, with the time of a run where `kind` is one. */
__noinline int jt_account(__u32 kind, __u64 ns)
{
	struct jt_governed *g = governed_here();

	if (!cfg.has_governor || !g)
		return 0;
	if (kind == JT_RUN_OTHERS) {
		__sync_fetch_and_add(&governor.time_ns[JT_RUN_OTHERS], ns * JT_MEASURED_OUT);
		return 0;
	}
	if (kind == JT_RUN_OUT) {
		ns = ns < JT_LONGEST_OUT_NS ? ns : JT_LONGEST_OUT_NS;
		__sync_fetch_and_add(&governor.time_ns[JT_RUN_OUT], ns * JT_MEASURED_OUT);
		jt_learn(&governor, JT_RUN_OUT, ns);
	} else if (kind == JT_RUN_KEPT) {
		ns = ns < JT_LONGEST_KEPT_NS ? ns : JT_LONGEST_KEPT_NS;
		__sync_fetch_and_add(&governor.time_ns[JT_RUN_KEPT], ns * JT_MEASURED_KEPT);
		jt_learn(&governor, JT_RUN_KEPT, ns);
	}
	hand_over(g);
	step_if_due();
	return 0;
}

/* First thing in a program. Whether the run is measured is seen by the low bits of a random number,
 * whether its event is kept by the high ones. NULL where there is no governor. */
static __always_inline struct jt_governed *start_run(struct jt_run *run)
{
	struct jt_governed *g;
	__u64 tick;

	run->random = 0;
	run->ratio = 1;
	if (!cfg.has_governor)
		return NULL;
	run->random = bpf_get_prandom_u32();
	g = governed_here();
	if (!g)
		return NULL;
	if (!(run->random & (JT_MEASURED_KEPT - 1)))
		g->began = bpf_ktime_get_ns();
	tick = bpf_jiffies64();
	if (g->tick != tick) {
		g->tick = tick;
		g->id = 0;
		jt_account(JT_RUN_KINDS, 0);
	}
	return g;
}

/* What reading the clock takes is in what was measured, and is no part of the other runs: 30 ns, of
 * 70 that an event takes that is left out. */
static __always_inline void end_run(const struct jt_run *run, __u32 kind)
{
	__u32 of = kind == JT_RUN_KEPT ? JT_MEASURED_KEPT : JT_MEASURED_OUT;
	struct jt_governed *g;
	__u64 ended, took, clock;

	if (!cfg.has_governor || (run->random & (of - 1)))
		return;
	ended = bpf_ktime_get_ns();
	clock = bpf_ktime_get_ns() - ended;
	g = governed_here();
	if (!g)
		return;
	took = ended - g->began;
	jt_account(kind, took > clock ? took - clock : 0);
}

/* A thread that fires time and again is looked for once in a tick: to find a target takes twice as
 * long as to leave its event out. */
static __always_inline bool is_known(const struct jt_governed *g, __u64 id)
{
	return g && g->id == id;
}

static __always_inline void make_known(struct jt_governed *g, __u64 id)
{
	if (g)
		g->id = id;
}

/* How many events this one stands for; 0: it is left out. */
static __always_inline __u32 choose(struct jt_governed *g, __u32 random)
{
	__u32 ratio = *(volatile __u32 *)&governor.ratio;

	if ((__u64)random * ratio >> 32) {
		g->decided[JT_RUN_OUT]++;
		g->runs[JT_RUN_OUT]++;
		return 0;
	}
	g->decided[JT_RUN_KEPT]++;
	g->runs[JT_RUN_KEPT]++;
	return ratio;
}

/* The end of a call whose begin was noted: decided there. Of one that is not known end_call() says
 * why. */
static __always_inline bool was_decided(struct jt_run *run, struct jt_governed *g, __u32 event,
                                        __u32 tid)
{
	const struct jt_event_spec *spec = jt_spec_at(0, event);
	struct jt_begun *begun;

	if (!cfg.has_specs || !spec || !(spec->flags & JT_EVENT_TIMED))
		return false;
	begun = bpf_map_lookup_elem(&calls, &tid);
	if (begun && begun->open && begun->event == event) {
		run->ratio = begun->ratio;
		if (!run->ratio)
			begun->open = 0;
	}
	g->runs[run->ratio ? JT_RUN_KEPT : JT_RUN_OUT]++;
	return true;
}

/* Of an event that was decided when it began. */
static __always_inline void count_run(void)
{
	struct jt_governed *g = cfg.has_governor ? governed_here() : NULL;

	if (g)
		g->runs[JT_RUN_KEPT]++;
}

/* Sets the run's ratio. */
static __always_inline void decide(struct jt_run *run, struct jt_governed *g, __u32 event,
                                   __u32 tid)
{
	if (g && !was_decided(run, g, event, tid))
		run->ratio = choose(g, run->random);
}

/* Whether --max-rate leaves out one that is wanted. */
static __always_inline bool over_max_rate(void)
{
	struct jt_governed *g;

	if (!cfg.has_max_rate)
		return false;
	g = governed_here();
	if (g)
		g->wanted++;
	if (*(volatile __s64 *)&governor.tokens < JT_TOKEN)
		return true;
	__sync_fetch_and_add(&governor.tokens, -JT_TOKEN);
	return false;
}

static __always_inline void count_sampled_out(__u32 window, __u32 event)
{
	__u32 row = row_of(window, event);
	struct jt_counters *all = bpf_map_lookup_elem(&counters, &row);

	if (!all)
		return;
	all->value[JT_COUNTER_FIRED]++;
	all->value[JT_COUNTER_SAMPLED_OUT]++;
}

/* Counts what became of an event that stands for `ratio`. */
static __always_inline void count_outcome(__u32 window, __u32 event, enum jt_counter outcome,
                                          __u64 ratio)
{
	__u32 row = row_of(window, event);
	struct jt_counters *all = bpf_map_lookup_elem(&counters, &row);

	if (!all)
		return;
	all->value[outcome]++;
	if (!cfg.has_governor || outcome != JT_COUNTER_KEPT)
		return;
	all->value[JT_COUNTER_SCALED] += ratio;
	all->value[JT_COUNTER_SPREAD] += ratio * (ratio - 1);
}
