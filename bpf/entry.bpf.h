/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How an event comes in, and which one it is: by the attach cookie, or, of a system call that comes
 * in by its own function (fentry), by its number. docs/attach.md.
 */
#pragma once

#include "entry_abi.h"

enum jt_entry {
	JT_ENTRY_TRACEPOINT,
	JT_ENTRY_RAW,
	JT_ENTRY_CALL,
	JT_ENTRY_BEGIN, /* raw, of all calls */
	JT_ENTRY_END,
};

/* By number. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JT_MAX_CALL_NUMBERS);
	__type(key, __u32);
	__type(value, struct jt_raw_call);
} raw_calls SEC(".maps");

/* Number of a system call -> its event's cookie. Written by the programs that hang on its function.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JT_MAX_CALL_NUMBERS);
	__type(key, __u32);
	__type(value, __u64);
} call_cookies SEC(".maps");

/* What walks at a system call's function; and the walk's step again, as in `chain`. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} call_programs SEC(".maps");

static __always_inline __u64 attach_cookie(void *ctx)
{
	return cfg.has_cookie ? bpf_get_attach_cookie(ctx) : state.point_cookie;
}

static __always_inline __u64 raw_cookie(void *ctx)
{
	return cfg.has_raw_cookie ? bpf_get_attach_cookie(ctx) : state.raw_cookie;
}

/* Where the cookie of the call lies that is about to begin. NULL of those that the tracepoint
 * leaves out, too: x32 has a bit of its own in the number, and what the kernel itself calls for a
 * vsyscall has -1; and 32-bit calls. The kernel looks at the lower half only. */
static __always_inline __u64 *call_cookie(void)
{
	__u32 number = (__u32)saved_call_number();

	/* Calls without arguments have one function for both. */
	if (is_compat_call())
		return NULL;
	return bpf_map_lookup_elem(&call_cookies, &number);
}

/* At the raw tracepoints of all calls. Whose number is not asked for is let go first: each call of
 * each thread comes here. NULL of those, too, that the call's own tracepoint leaves out. */
static __always_inline struct jt_raw_call *raw_call(__u32 number)
{
	struct jt_raw_call *call = bpf_map_lookup_elem(&raw_calls, &number);

	if (!call || !(call->begin | call->end | call->noted) || is_compat_call())
		return NULL;
	return call;
}

/* sys_enter(regs, number), as the kernel read it behind the tracer and seccomp. */
static __always_inline __u32 begun_call_number(const __u64 *args)
{
	return (__u32)args[1];
}

/* 0: not asked for. */
static __always_inline __u64 raw_call_cookie(void *ctx, enum jt_entry entry)
{
	bool begins = entry == JT_ENTRY_BEGIN;
	struct jt_raw_call *call =
		raw_call(begins ? begun_call_number(ctx) : (__u32)saved_call_number());

	if (!call)
		return 0;
	return begins ? call->begin : call->end;
}

static __always_inline bool is_of_all_calls(enum jt_entry entry)
{
	return entry == JT_ENTRY_BEGIN || entry == JT_ENTRY_END;
}

static __always_inline __u64 cookie_of(void *ctx, enum jt_entry entry)
{
	__u64 *cookie;

	if (entry == JT_ENTRY_TRACEPOINT)
		return attach_cookie(ctx);
	if (entry == JT_ENTRY_RAW)
		return raw_cookie(ctx);
	cookie = call_cookie();
	return cookie ? *cookie : 0;
}

/* Attached to each function, in a copy that has its own cookie: hands over to the one program that
 * walks. A number is always that of the same function, so that who writes here writes what is
 * there already, but for the first time. */
static __always_inline int go_to_event(void *ctx)
{
	__u64 own, *cookie = call_cookie();

	asm volatile("%0 = %1 ll" : "=r"(own) : "i"(JT_COOKIE_HERE));
	if (!cookie)
		return 0;
	if (*cookie != own)
		*cookie = own;
	bpf_tail_call(ctx, &call_programs, 0);
	return 0;
}
