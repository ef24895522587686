/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether an event's walk is a remembered one; else it is made, and remembered. */
#pragma once

/* Begins as the remembered one did? */
static __always_inline bool begins_as(const struct jt_walk *w, const struct jt_remembered *m)
{
	return m->choice == w->choice && m->sp == w->first.sp && m->pc == w->first.pc &&
	       is_by_same_tables(w, m) && m->exact == w->first_exact &&
	       (!m->used_fp || m->fp == w->first.fp) && (!m->used_bx || m->bx == w->first.bx);
}

/* As if it had been walked, but for the frames. */
static __always_inline void take_remembered_stack(struct jt_walk *w, const struct jt_remembered *m)
{
	w->recalled = JT_RECALLED;
	w->record.key.hash = m->hash;
	w->record.key.frames = m->frames;
	w->record.key.status = JT_STATUS_COMPLETE;
	w->record.end.sp = m->end_sp;
	w->interpreted = m->interpreted;
}

/* 1: it was entry i. */
__noinline int jt_recall_from(__u32 env, __u32 i)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = remembered_at(i);
	int same = 0;

	if (!w || !m || !begins_as(w, m) || !take_remembered(m))
		return 0;
	/* Again, now that nobody else writes it. */
	if (begins_as(w, m) && jt_has_words(env, i)) {
		if (jt_has_code(env, i, 0)) {
			take_remembered_stack(w, m);
			same = 1;
		} else {
			m->valid = 0;
		}
	}
	give_remembered_back(m);
	return same;
}

/* Has the walk that is about to be made written down. */
__noinline int jt_note_walk(__u32 env, __u32 i)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = remembered_at(i);

	if (!w || !m || !take_remembered(m))
		return 0;
	m->valid = 0;
	m->version++;
	m->tgid = w->record.key.tgid;
	m->tables = w->tables;
	m->root = w->root;
	m->generation = w->generation;
	m->choice = w->choice;
	m->first_range = w->target.first_range;
	m->ranges = w->target.ranges;
	m->clean_seq = w->target.clean_seq;
	m->exact = w->first_exact;
	m->used_fp = 0;
	m->used_bx = 0;
	m->pc = w->first.pc;
	m->sp = w->first.sp;
	m->fp = w->first.fp;
	m->bx = w->first.bx;
	m->words = 0;
	m->codes = 0;
	m->bytes = 0;
	m->bounds = 0;
	m->unfit = 0;
	m->last_id[0] = 0;
	m->last_id[1] = 0;
	m->fp_from = JT_FROM_EVENT;
	m->bx_from = JT_FROM_EVENT;
	m->code_epoch = jt_code_epoch(env);
	w->slot = i + 1;
	w->next_bound = JT_BOUND_NEAR;
	w->watch = JT_WATCH_WRITTEN;
	return 0;
}

/* The walk has ended: it can be met again, or not. */
__noinline int jt_keep_walk(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = under_way(env);
	__u32 n, k;

	if (!w || w->recalled)
		return 0;
	/* Another one would be better. */
	if (w->other)
		set_last_walk(0);
	if (!m)
		return 0;
	n = m->words;
	if (!m->unfit && n && !w->defer && w->record.key.status == JT_STATUS_COMPLETE) {
		/* The last turn compares the last word again. */
		n = (n - 1) & (JT_RECALL_WORDS - 1);
		jt_opaque(n);
		n &= JT_RECALL_WORDS - 1;
#pragma unroll
		for (k = 1; k < JT_CHUNK; k++) {
			m->word[n + k] = m->word[n];
			m->place[n + k] = m->place[n];
		}
		end_bound(m);
		m->hash = w->record.key.hash;
		m->frames = w->record.key.frames;
		m->interpreted = w->interpreted;
		m->end_sp = w->record.end.sp;
		m->valid = 1;
		set_last_walk(w->slot);
	}
	w->slot = 0;
	give_remembered_back(m);
	return 0;
}

/*
 * Has the walk that is about to be made written down, where there is room. Another one gives way to
 * one miss in eight only: where more stacks take turns than there is room for, those that are
 * remembered stay, and the others are not written down in vain. One in 64, where the rest of the
 * thread's last walk may be met again: then it is not made whole.
 */
__noinline int jt_note_in_set(__u32 env, __u32 set)
{
	struct jt_walk *w = jt_walk_of(env);
	__u32 i, random, seldom = 7;

	if (!w)
		return 0;
	for (i = 0; i < JT_WAYS; i++) {
		struct jt_remembered *m = remembered_at(set + i);

		if (m && is_void(w, m))
			return jt_note_walk(env, set + i);
	}
	if (jt_watch_bounds(env) == 1)
		seldom = 63;
	random = bpf_get_prandom_u32();
	if (random & seldom)
		return 0;
	w->other = 0;
	w->watch = JT_WATCH_NOTHING;
	return jt_note_walk(env, set + ((random >> 6) & (JT_WAYS - 1)));
}

/*
 * Where no stack comes again, to look for it, to write it down and to join its top with a rest that
 * is known took 1 900 to 2 900 ns an event for nothing (docs/bench.md, strangers). After so many
 * new ones in a row on a CPU they are walked alone, up to the first that is counted already.
 */
#define JT_MANY_STRANGERS 16

/* 1: the walk need not be made. */
__noinline int jt_recall(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	__u32 set, i;

	if (!cfg.recall || !w || w->changed.lo != w->changed.hi)
		return 0;
	if (w->strangers >= JT_MANY_STRANGERS && cfg.recall == JT_RECALL_ON)
		return 0;
	w->differs = 0;
	set = jt_choose_set(env);
	/* The control is to find differences of rests, too. */
	for (i = cfg.recall == JT_RECALL_BLIND && (bpf_get_prandom_u32() & 1) ? JT_WAYS : 0;
	     i < JT_WAYS; i++) {
		if (jt_recall_from(env, set + i)) {
			jt_cost(JT_COUNTER_COST_RECALLED, 1);
			return 1;
		}
	}
	if (w->differs)
		jt_learn_place(env);
	jt_note_in_set(env, set);
	return 0;
}
