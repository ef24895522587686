/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Values of the event under way. Plain C that is compiled twice: for BPF (event_env.bpf.h) and for
 * user space (user/filter/evaluator.cpp), where tests and the fuzzer compare it with another one.
 *
 * The includer defines, before including this file:
 *   jt_filters(env): whether there are filters at all; where not, a verifier need not look further,
 *   jt_env_t, jt_fields_of(env) -> struct jt_fields * or NULL,
 *   jt_spec_at(env, event) -> const struct jt_event_spec * or NULL,
 *   jt_pattern_at(env, i) -> const struct jt_pattern * or NULL,
 *   jt_kernel_bytes(env, into, bytes, address) -> 0 or an error,
 *   jt_kernel_text(env, into, bytes, address), jt_user_text(the same) -> length with the 0, or < 0,
 *   jt_task_number(env, kind) -> the pseudo-field, jt_task_name(env, into, bytes) -> 0 or an error,
 *   jt_not_compared(env, counter): a string that could not be compared,
 *   jt_opaque(value), JT_INLINE, JT_FILTER_FN (linkage of the functions)
 */
#ifndef JTRACE_EVENT_FIELDS_H
#define JTRACE_EVENT_FIELDS_H

#include "event_abi.h"

#define JT_LARGEST_ERRNO 4095

/* 0, or < 0 where it could not be read. Offsets were checked when the spec was made. */
static JT_INLINE int jt_read_number(jt_env_t env, const struct jt_fields *f,
                                    const struct jt_value *value, __u64 *number)
{
	__u32 bytes = value->bytes, kind = value->kind;
	__u64 n = 0;

	if (kind == JT_VALUE_CONSTANT) {
		*number = value->offset;
		return 0;
	}
	if (kind > JT_VALUE_ERRNO) {
		*number = jt_task_number(env, kind);
		return 0;
	}
	jt_opaque(bytes);
	if (bytes > sizeof(n))
		return -1;
	if (jt_kernel_bytes(env, &n, bytes, f->record + value->offset))
		return -1;
	n <<= value->left & 63;
	if (value->is_signed)
		n = (__u64)((__s64)n >> (value->right & 63));
	else
		n >>= value->right & 63;
	if (kind == JT_VALUE_ERRNO)
		n = -n - 1 < JT_LARGEST_ERRNO ? -n : 0;
	*number = n;
	return 0;
}

/* Bytes of a string that is `bytes` long, or ends before. */
static JT_INLINE __u32 jt_text_room(__u32 bytes)
{
	return bytes < JT_TEXT_BYTES ? bytes + 1 : JT_TEXT_BYTES;
}

/* The task's name: TASK_COMM_LEN, its 0 included. */
static JT_INLINE void jt_read_task_name(jt_env_t env, struct jt_text *into)
{
	long length;

	if (jt_task_name(env, into->text, 16))
		return;
	for (length = 0; length < 16 && into->text[length & 15]; length++)
		;
	into->bytes = length;
}

/* Reads a string. */
static JT_INLINE void jt_read_text(jt_env_t env, const struct jt_fields *f,
                                   const struct jt_value *value, struct jt_text *into)
{
	__u32 kind = value->kind, room = JT_TEXT_BYTES, loc = 0;
	__u64 at = f->record + value->offset;
	long length = -1;

	into->bytes = -1;
	into->cut = 0;
	into->text[0] = 0;
	if (kind == JT_VALUE_COMM) {
		jt_read_task_name(env, into);
		return;
	}
	if (kind == JT_VALUE_ARRAY) {
		room = jt_text_room(value->size);
	} else if (kind == JT_VALUE_DATA_LOC || kind == JT_VALUE_REL_LOC) {
		if (jt_kernel_bytes(env, &loc, sizeof(loc), at))
			return;
		room = jt_text_room(loc >> 16);
		at = (kind == JT_VALUE_REL_LOC ? at + sizeof(loc) : f->record) + (loc & 0xffff);
	} else if (jt_kernel_bytes(env, &at, sizeof(at), at)) {
		return;
	}
	jt_opaque(room);
	if (room > JT_TEXT_BYTES)
		return;
	if (kind == JT_VALUE_USER_STRING)
		length = jt_user_text(env, into->text, room, at);
	else
		length = jt_kernel_text(env, into->text, room, at);
	if (length < 0 || length > JT_TEXT_BYTES)
		return;
	into->bytes = length ? length - 1 : 0;
	into->cut = length == JT_TEXT_BYTES;
}

#endif
