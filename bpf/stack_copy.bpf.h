/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A part of the event's stack, which reads of its words are answered from: one read for the frames
 * of a page instead of one each (docs/walk.md). It begins at a word that was needed, and ends with
 * the page: what lies above may never have been touched, or be none of the stack.
 */
#pragma once

#define JT_STACK_PAGE 4096

/* By CPU [set]. The copy has JT_RECALL_BYTES at most; a remembered walk's words are looked for at
 * offsets up to that from where it begins in the copy. */
struct jt_stack_copy {
	__u8 byte[2 * JT_RECALL_BYTES + JT_STACK_WORDS * 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_stack_copy);
} stack_copies SEC(".maps");

/* Copies from `address` to the end of the page that the last of `bytes` is on. */
static __always_inline void copy_stack(__u32 env, struct jt_walk *w, struct jt_stack_copy *copy,
                                       __u64 address, __u32 bytes)
{
	__u64 n = ((address + bytes - 1) | (JT_STACK_PAGE - 1)) + 1 - address;

	/* A read that fails leaves zeros. */
	w->copied = 0;
	jt_opaque(n);
	if (n > JT_STACK_PAGE + JT_STACK_WORDS * 8 || jt_read(env, copy->byte, n, address))
		return;
	w->copied_from = address;
	w->copied = n;
}

static __always_inline bool is_copied(const struct jt_walk *w, __u64 address, __u32 bytes)
{
	__u64 offset = address - w->copied_from;

	return offset < w->copied && offset + bytes <= w->copied;
}

/* As jt_read() into the walk's buf, at most JT_STACK_WORDS words. */
__noinline int jt_copy_words(__u32 env, __u64 address, __u32 bytes)
{
	struct jt_stack_copy *copy = bpf_map_lookup_elem(&stack_copies, &env);
	struct jt_walk *w = jt_walk_of(env);
	__u64 offset;
	__u32 k;

	if (!w || !copy || bytes > JT_STACK_WORDS * 8)
		return -1;
	/* Below sp is what calls have left there. */
	if (!is_copied(w, address, bytes) && address >= w->first.sp)
		copy_stack(env, w, copy, address, bytes);
	if (!is_copied(w, address, bytes))
		return jt_read(env, w->buf, bytes, address);
	offset = address - w->copied_from;
	for (k = 0; k < JT_STACK_WORDS * 8; k += 8) {
		if (k >= bytes)
			break;
		*(__u64 *)(w->buf + k) =
			jt_load64(copy->byte + ((offset + k) & (JT_RECALL_BYTES - 1)));
	}
	return 0;
}

#define jt_read_stack(env, bytes, address) jt_copy_words(env, address, bytes)

typedef const struct jt_stack_copy *jt_stack_t;

static __always_inline jt_stack_t jt_stack(__u32 env)
{
	return bpf_map_lookup_elem(&stack_copies, &env);
}

/* Where it was copied already. */
static __always_inline int jt_stack_word(__u32 env, const struct jt_walk *w, jt_stack_t stack,
                                         __u64 address, __u64 *value)
{
	__u64 offset = address - w->copied_from;

	if (!stack || offset + 8 > w->copied || offset >= w->copied)
		return -1;
	*value = jt_load64(stack->byte + (offset & (JT_RECALL_BYTES - 1)));
	return 0;
}
