/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Most events repeat a stack of theirs. What a walk takes off the stack is written down while it is
 * made: a later event of the process whose registers and words are the same has the same stack, and
 * none of it is walked (recall.bpf.h). The walk is a function of nothing else: of the registers and
 * words that the hooks of walk_step.h name, of the tables, and of a JVM's headers of code, which
 * the compile ids stand for. What reads more (heap, code around an interrupted instruction, a
 * thread's data) is not remembered, nor what did not reach the thread's entry.
 */
#pragma once

#define JT_WAYS         4     /* walks that are looked at: a set */
#define JT_RECALL_WORDS 1024  /* -Xint has 7 a frame, C2's code 1 or 2 */
#define JT_RECALL_CODES 128   /* distinct compiled methods of one walk */
#define JT_RECALL_BYTES 65536 /* of the stack, from sp to the highest word */
#define JT_CHUNK        8     /* words compared in one turn */

#define JT_BOUNDS 40 /* of one walk, where another one may have the same rest: 600 frames */

/* Where a register's value is from that a step uses. */
#define JT_FROM_EVENT   0 /* from the event's registers */
#define JT_FROM_NOWHERE 1 /* the word it came from is noted already */

/* The walk as it is before a step, and the words and code that it has used. `needs`: JT_NEEDS_*,
 * what later steps use of it. */
struct jt_bound {
	__u64 pc, sp, fp, bx;
	__u64 hash;
	__u16 frames, words;
	__u8 codes, needs;
	__u8 fp_known, bx_known;
};

#define JT_NEEDS_FP 1
#define JT_NEEDS_BX 2

/* One walk. Written and read by who holds it: `busy`. */
struct jt_remembered {
	__u32 busy;
	__u32 valid;
	/* By what tables. */
	__u32 tgid, tables, first_range, ranges, clean_seq;
	__u32 root, generation, choice; /* jt_walk's */
	/* The event's registers; fp and bx where the walk used them. */
	__u32 exact, used_fp, used_bx;
	__u64 pc, sp, fp, bx;
	/* What it came to; the hash is that of the frames alone. */
	__u64 hash, end_sp;
	__u32 frames, interpreted;
	__u32 words, codes;
	__u32 bytes;      /* of the stack that hold the words */
	__u32 unfit;      /* it cannot be remembered */
	__u32 last_id[2]; /* the last two compile ids, of any frame */
	__u64 fp_from, bx_from;
	__u64 code_epoch; /* no code was freed while this counter of the JVM stays; 0: none */
	/* Since the last boundary: fp was used as it was there; it was loaded. The same of bx. */
	__u8 fp_needed, fp_moved, bx_needed, bx_moved;
	__u32 bounds, version; /* version: another walk is written into it, another number */
	/* Compared by JT_CHUNK: behind the last one it is there again. */
	__u64 word[JT_RECALL_WORDS + JT_CHUNK];
	__u16 place[JT_RECALL_WORDS + JT_CHUNK]; /* of a word, from sp, in words */
	__u64 code[JT_RECALL_CODES];             /* where a compile id lies */
	__u32 code_id[JT_RECALL_CODES];
	struct jt_bound bound[JT_BOUNDS];
};

/* By process, pc and sp, and the words at the root's places: JT_WAYS together. [set] An array, and
 * entries taken by an atomic addition: nothing is allocated or freed at an event, and who finds one
 * taken does without. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_remembered);
} remembered SEC(".maps");

static __always_inline struct jt_remembered *remembered_at(__u32 i)
{
	jt_cost(JT_COUNTER_COST_LOOKUPS, 1);
	return bpf_map_lookup_elem(&remembered, &i);
}

/* As take_scratch(). */
static __always_inline bool take_remembered(struct jt_remembered *m)
{
	__sync_fetch_and_add(&m->busy, 1);
	if (*(volatile __u32 *)&m->busy == 1)
		return true;
	__sync_fetch_and_add(&m->busy, -1);
	return false;
}

static __always_inline void give_remembered_back(struct jt_remembered *m)
{
	__sync_fetch_and_add(&m->busy, -1);
}

/* What the walk under way is written into; NULL: it is not. */
static __always_inline struct jt_remembered *under_way(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);

	return w && w->slot ? remembered_at(w->slot - 1) : NULL;
}

__noinline int jt_note_word(__u32 env, __u64 address, __u64 value)
{
	struct jt_remembered *m = under_way(env);
	__u64 offset;
	__u32 n;

	if (!m)
		return 0;
	n = m->words;
	offset = address - m->sp;
	/* Below sp, or too far up: a signal frame's other stack. */
	if (n >= JT_RECALL_WORDS || offset > JT_RECALL_BYTES - 8 || (offset & 7)) {
		m->unfit = 1;
		return 0;
	}
	m->words = n + 1;
	/* Kernels up to 6.1 lose the bound between its 32-bit check and its 64-bit use. */
	jt_opaque(n);
	n &= JT_RECALL_WORDS - 1;
	m->word[n] = value;
	m->place[n] = offset / 8;
	if (offset + 8 > m->bytes)
		m->bytes = offset + 8;
	return 0;
}

__noinline int jt_note_fp(__u32 env, __u64 value)
{
	struct jt_remembered *m = under_way(env);
	__u64 from;

	if (!m)
		return 0;
	if (!m->fp_moved)
		m->fp_needed = 1;
	from = m->fp_from;
	m->fp_from = JT_FROM_NOWHERE;
	if (from == JT_FROM_EVENT)
		m->used_fp = 1;
	else if (from != JT_FROM_NOWHERE)
		jt_note_word(env, from, value);
	return 0;
}

__noinline int jt_note_bx(__u32 env, __u64 value)
{
	struct jt_remembered *m = under_way(env);
	__u64 from;

	if (!m)
		return 0;
	if (!m->bx_moved)
		m->bx_needed = 1;
	from = m->bx_from;
	m->bx_from = JT_FROM_NOWHERE;
	if (from == JT_FROM_EVENT)
		m->used_bx = 1;
	else if (from != JT_FROM_NOWHERE)
		jt_note_word(env, from, value);
	return 0;
}

__noinline int jt_note_code(__u32 env, __u64 address, __u32 id)
{
	struct jt_remembered *m = under_way(env);
	__u32 n;

	if (!m)
		return 0;
	n = m->codes;
	if (n >= JT_RECALL_CODES) {
		m->unfit = 1;
		return 0;
	}
	/* A method that calls itself, or another one that calls it: ids are unique. */
	if (m->last_id[0] == id || m->last_id[1] == id)
		return 0;
	m->last_id[1] = m->last_id[0];
	m->last_id[0] = id;
	m->codes = n + 1;
	jt_opaque(n);
	n &= JT_RECALL_CODES - 1;
	m->code[n] = address;
	m->code_id[n] = id;
	return 0;
}

static __always_inline void note_fp_from(__u32 env, __u64 from)
{
	struct jt_remembered *m = under_way(env);

	if (!m)
		return;
	m->fp_from = from;
	m->fp_moved = 1;
}

static __always_inline void note_bx_from(__u32 env, __u64 from)
{
	struct jt_remembered *m = under_way(env);

	if (!m)
		return;
	m->bx_from = from;
	m->bx_moved = 1;
}

static __always_inline void note_unfit(__u32 env)
{
	struct jt_remembered *m = under_way(env);

	if (m)
		m->unfit = 1;
}

#define jt_remembers(w)                    ((w)->slot)
#define jt_used_word(env, address, value)  jt_note_word(env, address, value)
#define jt_used_fp(env, w)                 jt_note_fp(env, (w)->regs.fp)
#define jt_used_bx(env, w)                 jt_note_bx(env, (w)->regs.bx)
#define jt_loaded_fp(env, address)         note_fp_from(env, address)
#define jt_loaded_bx(env, address)         note_bx_from(env, address)
#define jt_used_code(env, address, number) jt_note_code(env, address, number)
#define jt_used_more(env)                  note_unfit(env)
