/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Of the governor's law: what events cost, as measured runs of the programs tell. */
#ifndef JTRACE_GOVERNOR_COST_H
#define JTRACE_GOVERNOR_COST_H

#include "jtrace_abi.h"

#ifndef JT_INLINE
#define JT_INLINE inline
#endif

/* Before anything was measured. */
#define JT_FIRST_OUT_NS  100
#define JT_FIRST_KEPT_NS 5000
/* What took longer was interrupted, or its CPU was another's meanwhile (a guest's steal time). */
#define JT_LONGEST_OUT_NS  50000
#define JT_LONGEST_KEPT_NS 4000000
/* What a run of a kind takes is the mean of so many; one that took very long (a page fault, an
 * interrupt) moves it by a quarter. What grows in truth is known after a few. */
#define JT_MEAN_OF      64
#define JT_LONG_MEAN_OF 512
#define JT_OUTLIER      16 /* times the mean */

static JT_INLINE __u64 jt_mean(__u64 mean, __u64 one, __u64 of)
{
	return one > mean ? mean + (one - mean) / of : mean - (mean - one) / of;
}

/* One measured run of a kind, JT_RUN_OUT or JT_RUN_KEPT. */
static JT_INLINE void jt_learn(struct jt_governor *g, __u32 kind, __u64 ns)
{
	__u64 mean = g->mean_ns[kind], n = g->means[kind];

	if (n < JT_LONG_MEAN_OF)
		g->means[kind] = ++n;
	/* The means in sixteenths of a nanosecond. */
	ns *= 16;
	g->long_ns[kind] = jt_mean(g->long_ns[kind], ns, n);
	if (n > JT_OUTLIER && ns > JT_OUTLIER * mean)
		ns = JT_OUTLIER * mean;
	g->mean_ns[kind] = jt_mean(mean, ns, n < JT_MEAN_OF ? n : JT_MEAN_OF);
}

static JT_INLINE __u64 jt_run_cost(const struct jt_governor *g, __u32 kind)
{
	if (g->means[kind])
		return g->mean_ns[kind] / 16;
	return kind == JT_RUN_KEPT ? JT_FIRST_KEPT_NS : JT_FIRST_OUT_NS;
}

/* What the runs of a kind behind the last step took. By the larger mean: where the short one is too
 * low more events are kept, so by it the sum would be too low, too. */
static JT_INLINE __u64 jt_spent_on(const struct jt_governor *g, __u32 kind)
{
	__u64 runs = g->runs[kind] - g->seen.runs[kind], cost = jt_run_cost(g, kind);

	return runs * (16 * cost > g->long_ns[kind] ? cost : g->long_ns[kind] / 16);
}

static JT_INLINE __u64 jt_spent(const struct jt_governor *g)
{
	return jt_spent_on(g, JT_RUN_OUT) + jt_spent_on(g, JT_RUN_KEPT);
}

/* What is decided at the begin of a call has a second run at its end. */
static JT_INLINE __u64 jt_decision_cost(const struct jt_governor *g, __u32 kind)
{
	__u64 cost = jt_run_cost(g, kind);

	if (!g->recent.decided[kind] || g->recent.runs[kind] <= g->recent.decided[kind])
		return cost;
	return cost * g->recent.runs[kind] / g->recent.decided[kind];
}

#endif
