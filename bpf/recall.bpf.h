/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether an event's walk is a remembered one; else it is made, and remembered. */
#pragma once

/* Begins as the remembered one did? */
static __always_inline bool begins_as(const struct jt_walk *w, const struct jt_remembered *m)
{
	return m->valid && m->choice == w->choice && m->sp == w->first.sp && m->pc == w->first.pc &&
	       m->tgid == w->record.key.tgid && m->tables == w->tables &&
	       m->first_range == w->target.first_range && m->ranges == w->target.ranges &&
	       m->clean_seq == w->target.clean_seq && m->exact == w->first_exact &&
	       (!m->used_fp || m->fp == w->first.fp) && (!m->used_bx || m->bx == w->first.bx);
}

/* The place of the first of JT_CHUNK words that differs, for the root. */
__noinline int jt_note_difference(__u32 env, __u32 i, __u32 turn)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = remembered_at(i);
	struct jt_stack_copy *copy = bpf_map_lookup_elem(&stack_copies, &env);
	__u32 k;

	if (!w || !m || !copy || w->differs)
		return 0;
	for (k = 0; k < JT_CHUNK; k++) {
		__u32 n = (turn + k) & (JT_RECALL_WORDS - 1);

		if (copied_word(copy, m->place[n]) != m->word[n]) {
			w->differs = m->place[n] + 1;
			w->differs_bytes = m->bytes;
			return 0;
		}
	}
	return 0;
}

/* Are the words those on the stack? */
__noinline int jt_has_words(__u32 env, __u32 i)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = remembered_at(i);
	struct jt_stack_copy *copy = bpf_map_lookup_elem(&stack_copies, &env);
	__u32 turn, k;

	if (!w || !m || !copy || !copy_from_sp(env, w, copy, m->bytes))
		return 0;
	if (cfg.recall == JT_RECALL_BLIND)
		return 1;
	for (turn = 0; turn < JT_RECALL_WORDS; turn += JT_CHUNK) {
		__u64 differs = 0;

		if (turn >= m->words)
			return 1;
#pragma unroll
		for (k = 0; k < JT_CHUNK; k++) {
			__u64 word = copied_word(copy, m->place[turn + k]);

			/* Else LLVM makes a branch of each, and the verifier follows them all. */
			word ^= m->word[turn + k];
			jt_opaque(word);
			differs |= word;
		}
		if (differs) {
			jt_note_difference(env, i, turn);
			return 0;
		}
	}
	return 1;
}

/* Is the compiled code still that of the same methods? */
__noinline int jt_has_code(__u32 env, __u32 i)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = remembered_at(i);
	__u64 epoch;
	__u32 id, n;

	if (!w || !m)
		return 0;
	if (!m->codes)
		return 1;
	epoch = jt_code_epoch(env);
	if (epoch && epoch == m->code_epoch)
		return 1;
	for (n = 0; n < JT_RECALL_CODES; n++) {
		if (n >= m->codes)
			break;
		if (jt_read_code(env, &id, sizeof(id), m->code[n]) || id != m->code_id[n])
			return 0;
	}
	m->code_epoch = epoch;
	return 1;
}

/* As if it had been walked, but for the frames. */
static __always_inline void take_remembered_stack(struct jt_walk *w, const struct jt_remembered *m)
{
	w->recalled = 1;
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
		if (jt_has_code(env, i)) {
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
	m->unfit = 0;
	m->last_id[0] = 0;
	m->last_id[1] = 0;
	m->fp_from = JT_FROM_EVENT;
	m->bx_from = JT_FROM_EVENT;
	m->code_epoch = jt_code_epoch(env);
	w->slot = i + 1;
	return 0;
}

/* The walk has ended: it can be met again, or not. */
__noinline int jt_keep_walk(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = under_way(env);
	__u32 n, k;

	if (!w || !m)
		return 0;
	w->slot = 0;
	n = m->words;
	if (!m->unfit && n && !w->defer && w->record.key.status == JT_STATUS_COMPLETE) {
		/* The last turn compares the first word again. */
#pragma unroll
		for (k = 0; k < JT_CHUNK - 1; k++) {
			__u32 i = n + k;

			if (i >= JT_RECALL_WORDS)
				break;
			jt_opaque(i);
			i &= JT_RECALL_WORDS - 1;
			m->word[i] = m->word[0];
			m->place[i] = m->place[0];
		}
		m->hash = w->record.key.hash;
		m->frames = w->record.key.frames;
		m->interpreted = w->interpreted;
		m->end_sp = w->record.end.sp;
		m->valid = 1;
	}
	give_remembered_back(m);
	return 0;
}

/*
 * Has the walk that is about to be made written down, where there is room. Another one gives way to
 * one miss in eight only: where more stacks take turns than there is room for, those that are
 * remembered stay, and the others are not written down in vain.
 */
__noinline int jt_note_in_set(__u32 env, __u32 set)
{
	struct jt_walk *w = jt_walk_of(env);
	__u32 i, random;

	if (!w)
		return 0;
	for (i = 0; i < JT_WAYS; i++) {
		struct jt_remembered *m = remembered_at(set + i);

		if (m && is_void(w, m))
			return jt_note_walk(env, set + i);
	}
	random = bpf_get_prandom_u32();
	if (random & 7)
		return 0;
	return jt_note_walk(env, set + ((random >> 3) & (JT_WAYS - 1)));
}

/* 1: the walk need not be made. */
__noinline int jt_recall(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	__u32 set, i;

	if (!cfg.recall || !w || w->changed.lo != w->changed.hi)
		return 0;
	w->differs = 0;
	set = jt_choose_set(env);
	for (i = 0; i < JT_WAYS; i++) {
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
