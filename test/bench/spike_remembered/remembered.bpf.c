// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The product's kernel side with one experiment: each thread's last walk is remembered, and an
 * event whose registers and stack words are those of the last one counts the remembered stack
 * without a walk. Built once for each SPIKE_MODE; README.md has the figures.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "jtrace_abi.h"

#define SPIKE_REMEMBER 1 /* what a product would do */
#define SPIKE_BOTH     2 /* walks always, counts what a remembered walk would have got wrong */
#define SPIKE_FIXED    3 /* neither: filter, registers, count */
#define SPIKE_BLIND    4 /* BOTH, but stack words are taken as equal: must count wrong hits */

#ifndef SPIKE_MODE
#define SPIKE_MODE SPIKE_BOTH
#endif
#ifndef SPIKE_WAYS
#define SPIKE_WAYS 1 /* walks remembered per thread, told apart by the leaf's pc and sp */
#endif

#define SPIKE_WORDS  2048
#define SPIKE_WINDOW 65536
#define SPIKE_CHUNK  8 /* words compared in one turn of bpf_loop */

enum spike_stat {
	SPIKE_HIT,
	SPIKE_COLD,   /* nothing remembered */
	SPIKE_STALE,  /* another thread's, other ranges, or mappings are changing */
	SPIKE_LEAF,   /* pc, sp (rbp, rbx where the walk used them) differ */
	SPIKE_DIFFER, /* a stack word differs */
	SPIKE_FAULT,  /* the window is not resident */
	SPIKE_UNSENT, /* equal, but its stack is not in the counts map */
	SPIKE_TOO_LONG,
	SPIKE_WRONG,       /* BOTH: hits whose plain walk gave another stack */
	SPIKE_SUM_WORDS,   /* of remembered walks */
	SPIKE_SUM_WINDOW,  /* bytes */
	SPIKE_PARTIAL,     /* BOTH: misses with something remembered to compare to */
	SPIKE_SHARED,      /* of these: words equal, from the root up to the first that is not */
	SPIKE_SHARED_OF,   /* of so many */
	SPIKE_SHARE_OF_10, /* 10 counters: misses by tenths of their words shared */
	SPIKE_STATS = SPIKE_SHARE_OF_10 + 11,
};

struct spike_stats {
	__u64 value[SPIKE_STATS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct spike_stats);
} spike_stats SEC(".maps");

struct spike_word {
	__u64 offset; /* from the leaf's sp */
	__u64 value;
};

struct spike_walk {
	struct jt_regs leaf;
	__u64 thread_start;
	__u32 first_range, ranges, clean_seq; /* generation of the tables */
	__u8 valid, exact, used_fp, used_bx;
	__u64 hash; /* before the status is mixed in */
	__u32 frames, status;
	__u32 words, window;
	struct spike_word word[SPIKE_WORDS];
};

/* By thread and way. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct spike_walk);
} spike_walks SEC(".maps");

/* The walk under way, by CPU. */
#define SPIKE_LEAF_REG 0 /* a register still has the leaf's value */
#define SPIKE_COUNTED  1 /* its word is in the list already */

struct spike_recorder {
	__u64 fp_from, bx_from;
	struct spike_walk walk;
};

#define SPIKE_CPUS 256
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SPIKE_CPUS);
	__type(key, __u32);
	__type(value, struct spike_recorder);
} spike_recorders SEC(".maps");

struct spike_copy {
	__u8 bytes[SPIKE_WINDOW + 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SPIKE_CPUS);
	__type(key, __u32);
	__type(value, struct spike_copy);
} spike_copies SEC(".maps");

static __always_inline void spike_add(__u32 stat, __u64 n)
{
	__u32 zero = 0;
	struct spike_stats *s = bpf_map_lookup_elem(&spike_stats, &zero);

	if (s && stat < SPIKE_STATS)
		s->value[stat] += n;
}

__noinline int spike_used(__u32 env, __u64 address, __u64 value)
{
	struct spike_recorder *r = bpf_map_lookup_elem(&spike_recorders, &env);
	__u64 offset;
	__u32 n;

	if (!r)
		return 0;
	n = r->walk.words;
	offset = address - r->walk.leaf.sp;
	/* Below sp, or too far up (a signal frame's other stack): this walk is not remembered. */
	if (n >= SPIKE_WORDS || offset > SPIKE_WINDOW - 8) {
		r->walk.valid = 0;
		return 0;
	}
	r->walk.word[n].offset = offset;
	r->walk.word[n].value = value;
	r->walk.words = n + 1;
	if (offset + 8 > r->walk.window)
		r->walk.window = offset + 8;
	return 0;
}

__noinline int spike_used_reg(__u32 env, __u64 value, __u32 is_bx)
{
	struct spike_recorder *r = bpf_map_lookup_elem(&spike_recorders, &env);
	__u64 from;

	if (!r)
		return 0;
	from = is_bx ? r->bx_from : r->fp_from;
	if (from == SPIKE_LEAF_REG) {
		if (is_bx)
			r->walk.used_bx = 1;
		else
			r->walk.used_fp = 1;
	} else if (from != SPIKE_COUNTED) {
		spike_used(env, from, value);
	}
	if (is_bx)
		r->bx_from = SPIKE_COUNTED;
	else
		r->fp_from = SPIKE_COUNTED;
	return 0;
}

static __always_inline void spike_loaded(__u32 env, __u64 address, bool is_bx)
{
	struct spike_recorder *r = bpf_map_lookup_elem(&spike_recorders, &env);

	if (!r)
		return;
	if (is_bx)
		r->bx_from = address;
	else
		r->fp_from = address;
}

#if SPIKE_MODE != SPIKE_FIXED
#define jt_used_word(env, address, value) spike_used(env, address, value)
#define jt_used_fp(env, w)                spike_used_reg(env, (w)->regs.fp, 0)
#define jt_used_bx(env, w)                spike_used_reg(env, (w)->regs.bx, 1)
#define jt_loaded_fp(env, address)        spike_loaded(env, address, false)
#define jt_loaded_bx(env, address)        spike_loaded(env, address, true)
#endif

#define jt_event jt_event_product
#include "jtrace.bpf.c"
#undef jt_event

static __always_inline __u64 spike_key(const struct jt_walk *w)
{
	__u64 h = w->first.sp;

	if (SPIKE_WAYS == 1)
		return w->tid;
	JT_MIX(h, w->first.pc);
	return ((h & (SPIKE_WAYS - 1)) << 32) | w->tid;
}

static __always_inline __u64 thread_start(void)
{
	return bpf_get_current_task_btf()->start_time;
}

struct spike_compare {
	const struct spike_walk *m;
	const struct spike_copy *copy;
	__u64 differs;
};

static long compare_chunk(__u32 turn, void *data)
{
	struct spike_compare *c = data;
	__u32 first = turn * SPIKE_CHUNK, k;
	__u64 differs = 0;

	if (first > SPIKE_WORDS - SPIKE_CHUNK)
		return 1;
#pragma unroll
	for (k = 0; k < SPIKE_CHUNK; k++) {
		__u64 offset = c->m->word[first + k].offset & (SPIKE_WINDOW - 1);

		differs |= jt_load64(c->copy->bytes + offset) ^ c->m->word[first + k].value;
	}
	c->differs = differs;
	return differs != 0;
}

/* Whether this event's walk would be the remembered one; else why not. */
static __always_inline enum spike_stat recall(const struct jt_walk *w, const struct spike_walk *m,
                                              __u32 env)
{
	struct spike_copy *copy = bpf_map_lookup_elem(&spike_copies, &env);
	struct spike_compare c = { .m = m, .copy = copy };
	__u32 window;

	if (!copy || !m || !m->valid)
		return SPIKE_COLD;
	if (m->thread_start != thread_start() || m->first_range != w->target.first_range ||
	    m->ranges != w->target.ranges || m->clean_seq != w->target.clean_seq ||
	    w->changed.lo != w->changed.hi)
		return SPIKE_STALE;
	if (m->leaf.pc != w->first.pc || m->leaf.sp != w->first.sp || m->exact != w->exact ||
	    (m->used_fp && m->leaf.fp != w->first.fp) || (m->used_bx && m->leaf.bx != w->first.bx))
		return SPIKE_LEAF;
	window = m->window;
	barrier_var(window);
	if (window > SPIKE_WINDOW)
		return SPIKE_COLD;
	if (bpf_probe_read_user(copy->bytes, window, (const void *)w->first.sp))
		return SPIKE_FAULT;
	bpf_loop((m->words + SPIKE_CHUNK - 1) / SPIKE_CHUNK, compare_chunk, &c, 0);
	if (SPIKE_MODE == SPIKE_BLIND)
		return SPIKE_HIT;
	return c.differs ? SPIKE_DIFFER : SPIKE_HIT;
}

/* Counts the remembered stack, where its frames have been sent. */
static __always_inline bool count_remembered(struct jt_walk *w, const struct spike_walk *m)
{
	struct jt_stack_key *key = &w->record.key;
	__u64 hash = m->hash, seed = key->hash, *count;

	JT_MIX(hash, ((__u64)m->status << 32) | m->frames);
	key->hash = hash;
	key->frames = m->frames;
	key->status = m->status;
	count = bpf_map_lookup_elem(&counts, key);
	if (count) {
		__sync_fetch_and_add(count, 1);
		bump(JT_COUNTER_KEPT);
		w->busy = 0;
		return true;
	}
	key->hash = seed;
	key->frames = 0;
	key->status = 0;
	return false;
}

static __always_inline void start_recording(const struct jt_walk *w, __u32 env)
{
	struct spike_recorder *r = bpf_map_lookup_elem(&spike_recorders, &env);

	if (!r)
		return;
	r->fp_from = SPIKE_LEAF_REG;
	r->bx_from = SPIKE_LEAF_REG;
	r->walk.leaf = w->first;
	r->walk.exact = w->exact;
	r->walk.valid = 1;
	r->walk.used_fp = 0;
	r->walk.used_bx = 0;
	r->walk.words = 0;
	r->walk.window = 0;
}

static __always_inline void remember(const struct jt_walk *w, struct spike_walk *m, __u64 id,
                                     __u32 env)
{
	struct spike_recorder *r = bpf_map_lookup_elem(&spike_recorders, &env);
	struct spike_walk *now;
	__u32 n, k;

	if (!r)
		return;
	now = &r->walk;
	if (!now->valid)
		spike_add(SPIKE_TOO_LONG, 1);
	/* What ended for want of a page or a table may end elsewhere next time. */
	if (w->defer || w->record.key.status != JT_STATUS_COMPLETE)
		now->valid = 0;
	if (!now->valid || !now->words) {
		if (m)
			m->valid = 0;
		return;
	}
	now->thread_start = thread_start();
	now->first_range = w->target.first_range;
	now->ranges = w->target.ranges;
	now->clean_seq = w->target.clean_seq;
	now->hash = w->record.key.hash;
	now->frames = w->record.key.frames;
	now->status = w->record.key.status;
	n = now->words;
	/* The last chunk is filled with a word that is in the list already. */
#pragma unroll
	for (k = 0; k < SPIKE_CHUNK - 1; k++) {
		if (n + k < SPIKE_WORDS)
			now->word[n + k] = now->word[0];
	}
	spike_add(SPIKE_SUM_WORDS, n);
	spike_add(SPIKE_SUM_WINDOW, now->window);
	if (!m) {
		bpf_map_update_elem(&spike_walks, &id, now, BPF_ANY);
		return;
	}
	n = offsetof(struct spike_walk, word) + (n + SPIKE_CHUNK) * sizeof(struct spike_word);
	if (n > sizeof(struct spike_walk))
		n = sizeof(struct spike_walk);
	bpf_probe_read_kernel(m, n, now);
}

struct spike_suffix {
	const struct spike_walk *was;
	const struct spike_walk *now;
	__u32 shared;
};

static long compare_from_root(__u32 turn, void *data)
{
	struct spike_suffix *s = data;
	__u32 i = s->was->words - 1 - turn, j = s->now->words - 1 - turn;

	if (i >= SPIKE_WORDS || j >= SPIKE_WORDS)
		return 1;
	if (s->was->word[i].value != s->now->word[j].value ||
	    s->was->leaf.sp + s->was->word[i].offset != s->now->leaf.sp + s->now->word[j].offset)
		return 1;
	s->shared = turn + 1;
	return 0;
}

/* How much of a walk that had to be made is that of the last one, from the root. */
static __always_inline void count_shared(const struct spike_walk *was, __u32 env)
{
	struct spike_recorder *r = bpf_map_lookup_elem(&spike_recorders, &env);
	struct spike_suffix s = { .was = was };

	if (!r || !r->walk.valid || !r->walk.words)
		return;
	s.now = &r->walk;
	bpf_loop(SPIKE_WORDS, compare_from_root, &s, 0);
	spike_add(SPIKE_PARTIAL, 1);
	spike_add(SPIKE_SHARED, s.shared);
	spike_add(SPIKE_SHARED_OF, r->walk.words);
	spike_add(SPIKE_SHARE_OF_10 + s.shared * 10 / r->walk.words, 1);
}

SEC("?tp")
int jt_event(void *ctx)
{
	bool walk;
	long slot = begin(ctx, &walk);
	__u32 env = slot;
	struct spike_walk *m;
	struct jt_walk *w;
	enum spike_stat verdict;
	__u64 id;

	if (slot < 0)
		return 0;
	w = jt_walk_of(env);
	if (SPIKE_MODE == SPIKE_FIXED || !walk || !w)
		return finish(env);
	id = spike_key(w);
	m = bpf_map_lookup_elem(&spike_walks, &id);
	verdict = recall(w, m, env);
	if (SPIKE_MODE == SPIKE_REMEMBER && m && verdict == SPIKE_HIT) {
		if (count_remembered(w, m)) {
			spike_add(SPIKE_HIT, 1);
			return 0;
		}
		verdict = SPIKE_UNSENT;
	}
	spike_add(verdict, 1);
	start_recording(w, env);
	bpf_loop(JT_MAX_FRAMES + 1, loop_step, &env, 0);
	if (SPIKE_MODE != SPIKE_REMEMBER && m && verdict == SPIKE_HIT &&
	    (m->hash != w->record.key.hash || m->frames != w->record.key.frames ||
	     m->status != w->record.key.status))
		spike_add(SPIKE_WRONG, 1);
	if (SPIKE_MODE == SPIKE_BOTH && m && (verdict == SPIKE_LEAF || verdict == SPIKE_DIFFER))
		count_shared(m, env);
	remember(w, m, id, env);
	return finish(env);
}
