/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where only the top of a stack is new, only that is walked. The last walk of the thread that was
 * written down has boundaries (bounds.bpf.h). A walk that comes to the very pc and sp of one, with
 * the same fp and bx where later steps use them, goes on as that one did, if all words that it used
 * from there on are still the same, and the code: it ends here, and its hash is that of its own top
 * joined with that of the other's rest (stack_hash.h).
 */
#pragma once

/* A thread's last walk that was written down. Whoever has the same place takes it over. */
struct jt_last_walk {
	__u32 tgid, tid;
	__u32 slot; /* of `remembered`, + 1; 0: none */
	__u32 pad;
};

#define JT_LAST_WALKS 1024

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JT_LAST_WALKS);
	__type(key, __u32);
	__type(value, struct jt_last_walk);
} last_walks SEC(".maps");

/* Its place, if it is this thread's. */
static __always_inline struct jt_last_walk *last_walk(bool own)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 i = (__u32)id & (JT_LAST_WALKS - 1);
	struct jt_last_walk *last = bpf_map_lookup_elem(&last_walks, &i);

	if (last && own && (last->tid != (__u32)id || last->tgid != id >> 32))
		return NULL;
	return last;
}

static __always_inline void set_last_walk(__u32 slot)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct jt_last_walk *last = last_walk(false);

	if (!last)
		return;
	last->tgid = id >> 32;
	last->tid = (__u32)id;
	last->slot = slot;
}

/* The first boundary, from w->bound on, with this sp or a higher one, and at least so many words
 * before it; JT_BOUNDS: there is none. */
__noinline int jt_find_bound(__u32 env, __u32 i, __u64 sp, __u32 words)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = remembered_at(i);
	__u32 k;

	if (!w || !m)
		return JT_BOUNDS;
	for (k = 0; k < JT_BOUNDS; k++) {
		__u32 n = w->bound + k;

		if (n >= m->bounds)
			break;
		jt_opaque(n);
		if (n >= JT_BOUNDS)
			break;
		if (m->bound[n].sp >= sp && m->bound[n].words >= words)
			return n;
	}
	return JT_BOUNDS;
}

/* The boundary that the walk may come to next; false: none. */
static __always_inline bool watch_bound(struct jt_walk *w, const struct jt_remembered *m, __u32 n)
{
	w->watch = JT_WATCH_NOTHING;
	jt_opaque(n);
	if (n >= JT_BOUNDS)
		return false;
	w->bound = n;
	w->bound_sp = m->bound[n].sp;
	w->watch = JT_WATCH_BOUNDS;
	return true;
}

/* How far the other walk's words are the same, from the root on, is found once; held. */
static __always_inline int watch_held(__u32 env, struct jt_walk *w, struct jt_remembered *m,
                                      __u32 i)
{
	__u32 n, offset, same = 0;

	if (!is_by_same_tables(w, m))
		return 0;
	offset = jt_copy_for(env, i);
	n = jt_differing_words(env, i, offset);
	if (n >= JT_NO_WORDS)
		return 0;
	if (n)
		same = jt_last_difference(env, i, offset, n - 1);
	w->bound = 0;
	n = jt_find_bound(env, i, w->first.sp + 1, same);
	if (!watch_bound(w, m, n))
		return 0;
	w->other = i + 1;
	w->other_version = m->version;
	w->same_words = same;
	jt_opaque(n);
	return n < JT_BOUNDS && m->bound[n].frames * 2 <= m->frames ? 1 : 2;
}

/* Looks for a walk whose rest may be this one's. 0: there is none, 1: there is one, 2: one that
 * saves less than half. */
__noinline int jt_watch_bounds(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_last_walk *last = last_walk(true);
	struct jt_remembered *m;
	__u32 i;
	int found;

	if (!cfg.joins || !w || !last || !last->slot || w->target.lent)
		return 0;
	i = last->slot - 1;
	m = remembered_at(i);
	if (!m || !take_remembered(m))
		return 0;
	found = watch_held(env, w, m, i);
	give_remembered_back(m);
	return found;
}

/* Is the walk where the other one was? */
static __always_inline bool is_at_bound(const struct jt_walk *w, const struct jt_bound *b)
{
	return b->pc == w->regs.pc && b->sp == w->regs.sp && b->fp_known == w->fp_known &&
	       b->bx_known == w->bx_known &&
	       (!(b->needs & JT_NEEDS_FP) || !b->fp_known || b->fp == w->regs.fp) &&
	       (!(b->needs & JT_NEEDS_BX) || !b->bx_known || b->bx == w->regs.bx) &&
	       w->record.key.frames && !(w->exact | w->frozen | w->gap | w->unproven | w->joined) &&
	       !w->heap_end;
}

/* As if the rest had been walked, but for the frames. */
static __always_inline bool take_rest(struct jt_walk *w, const struct jt_remembered *m,
                                      const struct jt_bound *b)
{
	__u32 top = w->record.key.frames, rest = m->frames - b->frames;

	jt_opaque(rest);
	if (rest > JT_MAX_FRAMES || top + rest > w->max_frames)
		return false;
	jt_cost(JT_COUNTER_COST_SPLICED, 1);
	jt_cost(JT_COUNTER_COST_FRAMES, top);
	w->recalled = JT_SPLICED;
	w->record.key.hash = jt_hash_join(w->record.key.hash, b->hash, m->hash, powers[rest]);
	w->record.key.frames = top + rest;
	w->record.key.status = JT_STATUS_COMPLETE;
	w->record.end.sp = m->end_sp;
	if (m->interpreted > b->frames)
		w->interpreted = 1;
	return true;
}

/* The same, while the other walk is held. */
static __always_inline int splice_held(__u32 env, struct jt_walk *w, struct jt_remembered *m)
{
	__u32 i = w->other - 1, n = w->bound;
	struct jt_bound *b;

	if (!is_by_same_tables(w, m) || m->version != w->other_version)
		return 0;
	if (w->regs.sp > w->bound_sp)
		n = jt_find_bound(env, i, w->regs.sp, w->same_words);
	jt_opaque(n);
	if (n >= JT_BOUNDS)
		return 0;
	b = &m->bound[n];
	/* A compile id is noted once in three: it may be one of the two before. */
	if (is_at_bound(w, b))
		return jt_has_code(env, i, b->codes > 2 ? b->codes - 2 : 0) && take_rest(w, m, b);
	watch_bound(w, m, jt_find_bound(env, i, w->regs.sp + 1, w->same_words));
	return 0;
}

/* Whether the rest is that of the other walk. */
__noinline int jt_splice(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m;
	int found;

	if (!w)
		return 0;
	m = remembered_at(w->other - 1);
	w->watch = JT_WATCH_NOTHING;
	if (!m || !take_remembered(m))
		return 0;
	found = splice_held(env, w, m);
	give_remembered_back(m);
	return found;
}
