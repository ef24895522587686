/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The governor's law, in plain C: obeyed by BPF (governor.bpf.h), tried out by a simulation
 * (test/unit/capture/governor_law_test.cpp). It chooses the ratio N, of which one event is kept, so
 * that the programs take no more than `budget` of each second. What an event costs is measured, how
 * many come is counted, so N is computed, not searched for: it is right with the first step behind
 * a change. What is left of the budget is saved up for a quarter of a second, so that a short burst
 * is not sampled; what was overdrawn is saved again. That also corrects what the computation got
 * wrong.
 */
#ifndef JTRACE_GOVERNOR_H
#define JTRACE_GOVERNOR_H

#include "governor_cost.h"

#define JT_SECOND_NS 1000000000ULL

#define JT_STEP_NS       10000000ULL /* from one step to the next, where there are events enough */
#define JT_STEP_EVENTS   64
#define JT_LONG_STEP_NS  100000000ULL /* where there are few */
#define JT_SHORT_STEP_NS 2000000ULL   /* over which a rate is meant at least */
#define JT_UP_NS         50000000ULL  /* how fast a rate that rises a little is believed */
#define JT_DOWN_NS       250000000ULL /* ... and one that falls */
#define JT_MAX_RATIO     65536

/* Brings a rate nearer to what it was over the last `elapsed`. */
static JT_INLINE __u64 jt_smooth(__u64 rate, __u64 now, __u64 elapsed)
{
	__u64 slowness = now > rate ? JT_UP_NS : JT_DOWN_NS;

	if (elapsed >= slowness || 2 * now > 3 * rate)
		return now;
	if (now > rate)
		return rate + (now - rate) * (elapsed / 1000) / (slowness / 1000);
	return rate - (rate - now) * (elapsed / 1000) / (slowness / 1000);
}

/* How many events make up what is remembered of their parts (jt_remember). */
#define JT_SHARE_OF 16384

static JT_INLINE void jt_remember(struct jt_governor *g, __u32 kind)
{
	g->recent.decided[kind] += g->decided[kind] - g->seen.decided[kind];
	g->recent.runs[kind] += g->runs[kind] - g->seen.runs[kind];
	g->seen.decided[kind] = g->decided[kind];
	g->seen.runs[kind] = g->runs[kind];
	if (g->recent.decided[kind] > JT_SHARE_OF) {
		g->recent.decided[kind] /= 2;
		g->recent.runs[kind] /= 2;
		if (kind == JT_RUN_KEPT)
			g->recent.wanted /= 2;
	}
}

/* What the programs may take of the next second. */
static JT_INLINE __u64 jt_allowance(const struct jt_governor *g)
{
	/* What is saved up may be spent within some 20 ms. */
	if (g->balance >= 0)
		return g->budget + 50 * (__u64)g->balance;
	if ((__u64)-g->balance > g->budget / 2)
		return g->budget / 2;
	return g->budget - (__u64)-g->balance;
}

/* What is spent before the next step comes early. */
static JT_INLINE __u64 jt_alarm(const struct jt_governor *g)
{
	__u64 steps = 2 * g->budget / (JT_SECOND_NS / JT_STEP_NS);

	return g->balance > 0 ? steps + (__u64)g->balance / 4 : steps;
}

static JT_INLINE __u64 jt_ratio_up(__u64 a, __u64 b)
{
	return b ? (a + b - 1) / b : JT_MAX_RATIO;
}

/*
 * What events cost that are only left out is not to be held by any ratio. Where it is most of what
 * may be spent, a quarter is for those that are kept all the same: without them the cost would be
 * hardly less, and the totals would be worth nothing.
 */
static JT_INLINE __u64 jt_room(const struct jt_governor *g, __u64 left_out)
{
	__u64 allowance = jt_allowance(g), least = g->budget / 4;

	return allowance > left_out + least ? allowance - left_out : least;
}

/* For so many decisions a second. */
static JT_INLINE __u64 jt_ratio_for(const struct jt_governor *g)
{
	__u64 out = jt_decision_cost(g, JT_RUN_OUT), kept = jt_decision_cost(g, JT_RUN_KEPT);
	__u64 ratio = 1;

	if (g->budget && kept > out && g->rate * kept > jt_allowance(g))
		ratio = jt_ratio_up(g->rate * (kept - out), jt_room(g, g->rate * out));
	if (g->max_rate && g->recent.decided[JT_RUN_KEPT]) {
		/* Aimed below the cap, which is for what comes too suddenly. */
		__u64 wanted = g->rate * g->recent.wanted / g->recent.decided[JT_RUN_KEPT];
		__u64 by_rate = jt_ratio_up(5 * wanted, 4 * g->max_rate);

		if (by_rate > ratio)
			ratio = by_rate;
	}
	return ratio < 1 ? 1 : ratio > JT_MAX_RATIO ? JT_MAX_RATIO : ratio;
}

/* --max-rate's cap: tokens, of which a kept event takes JT_TOKEN. In no second more than max_rate
 * of them: nine tenths come in it, one tenth was there. */
#define JT_TOKEN 1000000LL

/* Whether it is time for a step. */
static JT_INLINE int jt_step_is_due(const struct jt_governor *g, __u64 now)
{
	__u64 elapsed = now - g->stepped_ns;

	if (now <= g->stepped_ns)
		return 0;
	if (elapsed >= JT_LONG_STEP_NS)
		return 1;
	if (elapsed >= JT_STEP_NS &&
	    g->decided[0] + g->decided[1] - g->seen.decided[0] - g->seen.decided[1] >=
	            JT_STEP_EVENTS)
		return 1;
	/* A burst takes several steps' worth before the first one is over. */
	if (g->max_rate && g->tokens < JT_TOKEN && elapsed >= JT_SHORT_STEP_NS)
		return 1;
	return g->budget && jt_spent(g) > g->alarm_ns;
}

static JT_INLINE void jt_save(struct jt_governor *g, __u64 elapsed)
{
	__s64 balance = g->balance, most = g->budget / 4, least = -(__s64)g->budget;
	__u64 spent = jt_spent(g);

	if (elapsed > 4 * JT_SECOND_NS)
		elapsed = 4 * JT_SECOND_NS;
	balance += g->budget * (elapsed / 1000) / (JT_SECOND_NS / 1000);
	balance -= spent;
	g->spent_ns += spent;
	g->balance = balance > most ? most : balance < least ? least : balance;
}

static JT_INLINE __s64 jt_most_tokens(const struct jt_governor *g)
{
	return g->max_rate < 10 ? JT_TOKEN : (__s64)(g->max_rate / 10) * JT_TOKEN;
}

/* How many to add. */
static JT_INLINE __s64 jt_new_tokens(const struct jt_governor *g, __u64 elapsed)
{
	__s64 room = jt_most_tokens(g) - g->tokens, come;

	if (elapsed > JT_SECOND_NS)
		elapsed = JT_SECOND_NS;
	come = g->max_rate * 9 / 10 * (elapsed / 1000);
	if (g->max_rate < 10)
		come = g->max_rate * (elapsed / 1000);
	return come < room ? come : room;
}

/* One CPU at a time. */
static JT_INLINE void jt_govern(struct jt_governor *g, __u64 now)
{
	__u64 elapsed = now - g->stepped_ns, over, ratio;
	__u64 decided = g->decided[0] + g->decided[1] - g->seen.decided[0] - g->seen.decided[1];

	over = elapsed < JT_SHORT_STEP_NS ? JT_SHORT_STEP_NS : elapsed;
	jt_save(g, elapsed);
	g->rate = jt_smooth(g->rate, decided * 1000000 / (over / 1000), elapsed);
	jt_remember(g, JT_RUN_OUT);
	g->recent.wanted += g->wanted - g->seen.wanted;
	g->seen.wanted = g->wanted;
	jt_remember(g, JT_RUN_KEPT);
	g->alarm_ns = jt_alarm(g);
	ratio = jt_ratio_for(g);
	g->ratio = ratio;
	if (ratio < g->least)
		g->least = ratio;
	if (ratio > g->most)
		g->most = ratio;
	g->steps++;
	g->stepped_ns = now;
}

/* As it begins. */
static JT_INLINE void jt_start_governor(struct jt_governor *g, __u64 now)
{
	g->balance = g->budget / 4;
	g->tokens = jt_most_tokens(g);
	g->alarm_ns = jt_alarm(g);
	g->ratio = 1;
	g->least = 1;
	g->most = 1;
	g->stepped_ns = now;
}

#endif
