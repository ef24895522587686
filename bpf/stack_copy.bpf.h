/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stack from sp on, as far as the event has needed it: a read of a page takes 60 ns, of a word
 * 28, and a walk needs most words of a frame's neighbourhood. A page at a time, since what lies
 * above it may never have been touched, or be none of the stack.
 */
#pragma once

#define JT_STACK_PAGE 4096

/* By CPU [set]. Slack: the verifier adds largest read and largest offset. */
struct jt_stack_copy {
	__u8 byte[JT_RECALL_BYTES + JT_STACK_PAGE];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_stack_copy);
} stack_copies SEC(".maps");

/* Copies up to the end of the page that the byte at `last` from sp is on, if that is the next one.
 */
static __always_inline void grow_copy(__u32 env, struct jt_walk *w, struct jt_stack_copy *copy,
                                      __u64 last)
{
	__u64 sp = w->first.sp, from = w->copied;
	__u64 bytes = JT_STACK_PAGE - ((sp + from) & (JT_STACK_PAGE - 1));

	if (last >= from + bytes || from + bytes > JT_RECALL_BYTES)
		return;
	jt_opaque(from);
	from &= JT_RECALL_BYTES - 1;
	jt_opaque(bytes);
	if (!bytes || bytes > JT_STACK_PAGE)
		return;
	if (!jt_read(env, copy->byte + from, bytes, sp + from))
		w->copied = from + bytes;
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
	offset = address - w->first.sp;
	if (offset < JT_RECALL_BYTES && offset + bytes > w->copied)
		grow_copy(env, w, copy, offset + bytes - 1);
	/* Below sp, too far up, or on another stack. */
	if (offset >= JT_RECALL_BYTES || offset + bytes > w->copied)
		return jt_read(env, w->buf, bytes, address);
	for (k = 0; k < JT_STACK_WORDS * 8; k += 8) {
		if (k >= bytes)
			break;
		*(__u64 *)(w->buf + k) =
			jt_load64(copy->byte + ((offset + k) & (JT_RECALL_BYTES - 1)));
	}
	return 0;
}

#define jt_read_stack(env, bytes, address) jt_copy_words(env, address, bytes)
