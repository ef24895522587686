/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Boundaries of a walk that is written down: the state before a step here and there, nearer to each
 * other at the leaf, so that what is walked beyond the frames that differ is a small part of them.
 */
#pragma once

#define JT_BOUND_NEAR  2 /* frames from one to the next, at least */
#define JT_BOUND_SHARE 8 /* ... and this part of those below */

/* What the steps since the last boundary used is known. */
static __always_inline void end_bound(struct jt_remembered *m)
{
	__u32 n = m->bounds - 1;

	jt_opaque(n);
	if (n >= JT_BOUNDS)
		return;
	/* Where it was not loaded since, later steps may use it. */
	m->bound[n].needs = (m->fp_needed || !m->fp_moved ? JT_NEEDS_FP : 0) |
	                    (m->bx_needed || !m->bx_moved ? JT_NEEDS_BX : 0);
}

__noinline int jt_note_bound(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = under_way(env);
	struct jt_bound *b;
	__u32 n, frames;

	if (!w || !m || w->exact || w->heap_end)
		return 0;
	end_bound(m);
	n = m->bounds;
	jt_opaque(n);
	if (n >= JT_BOUNDS || m->unfit) {
		w->watch = JT_WATCH_NOTHING;
		return 0;
	}
	b = &m->bound[n];
	m->bounds = n + 1;
	m->fp_needed = m->fp_moved = m->bx_needed = m->bx_moved = 0;
	frames = w->record.key.frames;
	b->pc = w->regs.pc;
	b->sp = w->regs.sp;
	b->fp = w->regs.fp;
	b->bx = w->regs.bx;
	b->fp_known = w->fp_known != 0;
	b->bx_known = w->bx_known != 0;
	b->hash = w->record.key.hash;
	b->frames = frames;
	b->words = m->words;
	b->codes = m->codes;
	w->next_bound =
		frames +
		(frames < JT_BOUND_NEAR * JT_BOUND_SHARE ? JT_BOUND_NEAR : frames / JT_BOUND_SHARE);
	return 0;
}

int jt_splice(__u32 env);

/* Before a step of a walk that is watched; nonzero: its rest is known. */
static __always_inline int at_frame(__u32 env, const struct jt_walk *w)
{
	if (w->watch == JT_WATCH_BOUNDS)
		return w->regs.sp >= w->bound_sp && jt_splice(env);
	if (w->record.key.frames >= w->next_bound)
		jt_note_bound(env);
	return 0;
}

#define jt_at_frame(env, w) at_frame(env, w)
