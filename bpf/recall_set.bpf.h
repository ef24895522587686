/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Among which of the remembered walks an event's is looked for. */
#pragma once

#define JT_PLACES 16
#define JT_ROOTS  1024

/*
 * Of stacks that begin alike, by a process, pc and sp, where some were found to differ: the words
 * there choose the set, so that each of many is found at once. Who writes it does not wait for who
 * reads it: what is read then is another set, in which a stack is looked for in vain.
 */
struct jt_root {
	__u64 pc, sp;
	__u32 tgid;
	__u32 bytes; /* of the stack, from sp, that those stacks read */
	__u32 places;
	__u32 generation;       /* changes with the places; 0: never had any */
	__u16 place[JT_PLACES]; /* in words from sp */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JT_ROOTS);
	__type(key, __u32);
	__type(value, struct jt_root);
} roots SEC(".maps");

static __always_inline struct jt_root *root_at(__u32 i)
{
	jt_cost(JT_COUNTER_COST_LOOKUPS, 1);
	return bpf_map_lookup_elem(&roots, &i);
}

/* Copies the stack from an address on. */
static __always_inline bool copy_from(__u32 env, struct jt_walk *w, struct jt_stack_copy *copy,
                                      __u64 address, __u64 bytes)
{
	if (is_copied(w, address, bytes))
		return true;
	/* A read that fails leaves zeros. */
	w->copied = 0;
	barrier_var(bytes);
	if (bytes > JT_RECALL_BYTES || jt_read(env, copy->byte, bytes, address))
		return false;
	w->copied_from = address;
	w->copied = bytes;
	return true;
}

/* The word of a copy at this place. */
static __always_inline __u64 copied_word(const __u8 *copy, __u32 place)
{
	return jt_load64(copy + ((place * 8) & (JT_RECALL_BYTES - 8)));
}

static __always_inline bool is_root_of(const struct jt_root *root, const struct jt_walk *w)
{
	return root->sp == w->first.sp && root->pc == w->first.pc &&
	       root->tgid == w->record.key.tgid;
}

/* The first of the set in which the event's stack is looked for, and its root. */
__noinline int jt_choose_set(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_stack_copy *copy = bpf_map_lookup_elem(&stack_copies, &env);
	struct jt_root *root;
	__u32 k;
	__u64 h;

	if (!w || !copy)
		return 0;
	h = w->first.sp;
	JT_MIX(h, w->first.pc);
	JT_MIX(h, w->record.key.tgid);
	w->root = (__u32)h & (JT_ROOTS - 1);
	w->generation = 0;
	root = root_at(w->root);
	if (root && is_root_of(root, w) && copy_from(env, w, copy, w->first.sp, root->bytes)) {
		w->generation = root->generation;
		for (k = 0; k < JT_PLACES; k++) {
			if (k >= root->places)
				break;
			JT_MIX(h, copied_word(copy->byte, root->place[k]));
		}
	}
	w->choice = h >> 32;
	return (__u32)h & cfg.recall_mask & ~(JT_WAYS - 1);
}

/* The root learns where the stack differed from one that it was compared with. */
__noinline int jt_learn_place(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_root *root = w ? root_at(w->root) : NULL;
	__u32 n, k;

	if (!root || !w->differs)
		return 0;
	if (!is_root_of(root, w)) {
		/* Another's that has learned gives way seldom: else two would unlearn each other.
		 */
		if (root->places && (bpf_get_prandom_u32() & 63))
			return 0;
		root->sp = w->first.sp;
		root->pc = w->first.pc;
		root->tgid = w->record.key.tgid;
		root->bytes = 0;
		root->places = 0;
	}
	n = root->places;
	if (n >= JT_PLACES)
		return 0;
	for (k = 0; k < JT_PLACES; k++) {
		if (k < n && root->place[k] == w->differs - 1)
			return 0;
	}
	jt_opaque(n);
	root->place[n & (JT_PLACES - 1)] = w->differs - 1;
	root->places = n + 1;
	root->generation++;
	if (w->differs_bytes > root->bytes)
		root->bytes = w->differs_bytes;
	return 0;
}

/* Of no use any more: by tables of before, or chosen by other places than its root has now. */
static __always_inline bool is_void(const struct jt_walk *w, const struct jt_remembered *m)
{
	const struct jt_root *root;

	if (!m->valid || m->tables != w->tables)
		return true;
	root = root_at(m->root);
	if (!root)
		return true;
	if (root->sp == m->sp && root->pc == m->pc && root->tgid == m->tgid)
		return root->generation != m->generation;
	return m->generation != 0;
}
