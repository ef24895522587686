/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Included after walk.h and an environment: the step itself. */
#ifndef JTRACE_WALK_STEP_H
#define JTRACE_WALK_STEP_H

/*
 * What a step takes off the stack, for an environment that remembers walks (remembered.bpf.h):
 * equal words at equal registers are an equal walk. rbp and rbx count where they are used, with the
 * address they were loaded from: rbp at a system call often is no frame pointer (glibc's open64:
 * the path), and most callers reload it unused. jt_used_code: a compiled method, told by its id,
 * which is at that address; jt_used_more: anything else that may change. jt_at_frame: before each
 * step; nonzero: the rest is known, and the walk ends here.
 */
#ifndef jt_used_word
#define jt_at_frame(env, w)               0
#define jt_remembers(w)                   0
#define jt_used_word(env, address, value) ((void)(address), (void)(value))
#define jt_used_fp(env, w)                ((void)0)
#define jt_used_bx(env, w)                ((void)0)
#define jt_loaded_fp(env, address)        ((void)0)
#define jt_loaded_bx(env, address)        ((void)0)
#define jt_used_code(env, address, id)    ((void)0)
#define jt_used_more(env)                 ((void)(env))
#endif

static JT_INLINE int jt_end(struct jt_walk *w, __u32 status)
{
	w->record.key.status = status;
	w->record.end = w->regs;
	return JT_STOP;
}

static JT_INLINE __u64 jt_mix_frame(const struct jt_walk *w, __u64 where, __u64 info)
{
	return jt_hash_mix(w->seed, where, info);
}

/* Adds a frame. Returns nonzero where there is no room. */
static JT_INLINE int jt_push_mixed(struct jt_walk *w, __u64 where, __u64 info, __u64 mixed)
{
	__u32 n = w->record.key.frames;

	if (n >= w->max_frames || n >= JT_MAX_FRAMES)
		return 1;
	w->record.frame[n].where = where;
	w->record.frame[n].info = info;
	w->record.key.frames = n + 1;
	w->record.key.hash = jt_hash_push(w->record.key.hash, w->base, mixed);
	return 0;
}

static JT_INLINE int jt_push(struct jt_walk *w, __u32 kind, __u64 addr, __u64 info)
{
	__u64 where = JT_FRAME_WHERE(kind, w->exact, addr);

	if (kind == JT_FRAME_INTERPRETED)
		w->interpreted = w->record.key.frames + 1;
	return jt_push_mixed(w, where, info, jt_mix_frame(w, where, info));
}

static JT_INLINE __u64 jt_u64_at(const struct jt_walk *w, __u32 offset)
{
	return jt_load64(w->buf + (offset & (JT_BUF_BYTES - 1)));
}

static JT_INLINE __u32 jt_u32_at(const struct jt_walk *w, __u32 offset)
{
	return jt_load32(w->buf + (offset & (JT_BUF_BYTES - 1)));
}

/* Takes the caller's registers; the stack grows down, so its sp must be above. */
static JT_INLINE int jt_up(struct jt_walk *w, __u64 pc, __u64 sp, __u64 fp)
{
	if (sp <= w->regs.sp || (sp & 7))
		return jt_end(w, JT_STATUS_BAD_FRAME);
	w->regs.pc = pc;
	w->regs.sp = sp;
	w->regs.fp = fp;
	w->exact = 0;
	return JT_GO_ON;
}

/* The process's JVM; NULL: it has none, or none that is known. */
static JT_INLINE const struct jt_hotspot *jt_jvm_of(jt_env_t env, const struct jt_walk *w)
{
	return w->target.jvm ? jt_jvm_at(env, w->target.jvm - 1) : NULL;
}

/* A saved address, read at `at`: in a chunk of the heap, those of interpreted frames are distances.
 */
static JT_INLINE __u64 jt_link(const struct jt_walk *w, __u64 at, __u64 saved)
{
	return w->heap_end ? at + saved * 8 : saved;
}

/* Index of the process's range that holds pc, or JT_NO_RANGE. */
JT_WALK_FN __u32 jt_find_range(jt_env_t env, __u64 pc)
{
	struct jt_walk *w = jt_walk_of(env);
	__u32 lo, n, i;

	if (!w)
		return JT_NO_RANGE;
	lo = w->target.first_range;
	n = w->target.ranges;
	/* The last range that starts at or below pc; log2(JT_MAX_RANGES) + 1 turns. */
	for (i = 0; i < 13 && n > 0; i++) {
		__u32 half = n / 2;
		const struct jt_range *r = jt_range_at(env, lo + half);

		if (!r)
			return JT_NO_RANGE;
		if (r->start <= pc) {
			if (pc < r->end)
				return lo + half;
			lo += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return JT_NO_RANGE;
}

/* Rule of the row that holds the ELF address pc, of n rows from first; JT_MAX_RULES: none. */
JT_WALK_FN __u32 jt_find_rule(jt_env_t env, __u32 first, __u32 n, __u32 pc)
{
	__u32 rule = JT_MAX_RULES;
	__u32 i;

	for (i = 0; i < 23 && n > 0; i++) {
		__u32 half = n / 2;
		const struct jt_row *row = jt_row_at(env, first + half);

		if (!row)
			return JT_MAX_RULES;
		if (row->pc <= pc) {
			rule = row->rule;
			first += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return rule;
}

/* Sets range and rule, by the tables. */
JT_WALK_FN int jt_look_up(jt_env_t env, __u64 pc)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_range *r;

	if (!w)
		return 0;
	w->rule = JT_MAX_RULES;
	w->range = jt_find_range(env, pc);
	r = jt_range_at(env, w->range);
	if (r && r->kind == JT_RANGE_NATIVE)
		w->rule = jt_find_rule(env, r->first_row, r->rows, (__u32)(pc - r->bias));
	return 0;
}

#include "walk_known.h"
#include "walk_native.h"
#include "walk_hotspot.h"
#include "walk_frames.h"

/* One frame: says what regs.pc is in, adds it, moves regs to its caller. */
JT_WALK_FN int jt_step(jt_env_t env)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_range *r;
	__u64 pc;
	int step;

	if (!w)
		return JT_STOP;
	if (w->record.key.frames >= w->max_frames)
		return jt_end(w, JT_STATUS_DEPTH);
	if (w->unusual > JT_MAX_UNUSUAL)
		return jt_end(w, JT_STATUS_BUDGET);
	if (w->watch && jt_at_frame(env, w))
		return JT_STOP;
	/* What the last frame of a chunk returns to differs: enterSpecial, the barrier, nothing
	 * (25). */
	if (w->heap_end && w->regs.sp >= w->heap_end)
		return jt_step_chunk(env, 0);
	/* A return address may be the first byte after its function (call of a noreturn one). */
	pc = w->exact ? w->regs.pc : w->regs.pc - 1;
	if (pc >= w->changed.lo && pc < w->changed.hi) {
		w->defer = 1;
		return jt_end(w, JT_STATUS_MAPPING);
	}
	if (jt_step_known(env, w, pc))
		return JT_GO_ON;
	r = jt_range_at(env, w->range);
	/* In a chunk of the heap all code is Java; what is not was read while the chunk was moved.
	 */
	if (w->heap_end && (!r || r->kind != JT_RANGE_HOTSPOT))
		return jt_step_chunk(env, 1);
	if (!r)
		return jt_resync(env, JT_STATUS_MAPPING);
	if (r->kind == JT_RANGE_NATIVE || r->kind == JT_RANGE_FRAMES) {
		step = r->kind == JT_RANGE_NATIVE ? jt_step_native(env) : JT_BY_RBP;
		if (r->kind == JT_RANGE_FRAMES &&
		    jt_push(w, JT_FRAME_NATIVE, w->regs.pc, r->mapping))
			return jt_end(w, JT_STATUS_DEPTH);
		if (step == JT_BY_RBP)
			step = jt_step_framed(env, r->kind == JT_RANGE_NATIVE);
		if (step == JT_GO_ON)
			return JT_GO_ON;
		return jt_resync(env, w->record.key.status);
	}
	if (r->kind == JT_RANGE_HOTSPOT) {
		if (jt_step_hotspot(env) == JT_GO_ON)
			return JT_GO_ON;
		if (w->heap_end && w->record.key.status != JT_STATUS_DEPTH)
			return jt_step_chunk(env, 1);
		return JT_STOP;
	}
	jt_push(w, JT_FRAME_NATIVE, w->regs.pc, r->mapping);
	return jt_resync(env, JT_STATUS_NO_CFI);
}

#endif
