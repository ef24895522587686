/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What happens to a target's executable mappings. A change marks the process dirty before the call
 * returns: from then on, and until user space has new ranges, a pc in the changed span is deferred.
 * munmap needs no mark: code that is gone is on no stack, and whatever replaces it marks itself.
 */
#pragma once

#define JT_PROT_EXEC 4
#define JT_PAGE_MASK (~4095ULL)

static __always_inline void mark_changed(struct jt_target *target, __u32 tgid, __u64 lo, __u64 hi,
                                         __u32 kind)
{
	struct jt_dirty *d = bpf_map_lookup_elem(&dirty, &tgid);
	__u32 seq;

	if (!d)
		return;
	/* The JIT's own heap grows by mprotect/mmap inside its reservation: read live, no table. */
	if (lo >= target->code_lo && hi <= target->code_hi)
		return;
	seq = d->seq;
	if (seq == target->clean_seq) {
		d->lo = lo;
		d->hi = hi;
	} else {
		if (lo < d->lo)
			d->lo = lo;
		if (hi > d->hi)
			d->hi = hi;
	}
	__sync_fetch_and_add(&d->seq, 1);
	/* Another CPU came between (5.10 has no compare-and-swap here): all is in doubt. */
	if (d->seq != seq + 1) {
		d->lo = 0;
		d->hi = ~0ULL;
	}
	/* Who knows nothing of it reads all when it does. */
	if (target->announced)
		notify(kind, tgid, d->seq, lo, hi);
}

/* mmap(addr, len, prot, ...) and mprotect(addr, len, prot): remember until the call returns. */
static __always_inline void mapping_enter(struct syscall_trace_enter *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32, tid = (__u32)id;
	struct jt_span span;
	__u64 args[3];

	if (!find_target(tgid))
		return;
	if (bpf_probe_read_kernel(args, sizeof(args), ctx->args))
		return;
	if (!(args[2] & JT_PROT_EXEC))
		return;
	span.lo = args[0];
	span.hi = args[1];
	if (bpf_map_update_elem(&mapping_calls, &tid, &span, BPF_ANY))
		bump(JT_COUNTER_NOTICE_LOST);
}

/*
 * mremap(old, ...) says nothing of protection. Moving code is rare (text on huge pages), moving
 * data is not (realloc): only a move out of a known executable range puts all in doubt.
 */
static __always_inline void mremap_enter(struct syscall_trace_enter *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), from;
	__u32 tgid = id >> 32, tid = (__u32)id, env = bpf_get_smp_processor_id();
	struct jt_target *target = find_target(tgid);
	struct jt_walk *w = jt_walk_of(env);
	struct jt_span all = { .lo = 0, .hi = JT_PAGE_MASK };

	if (!target || !w || bpf_probe_read_kernel(&from, sizeof(from), ctx->args) ||
	    !take_scratch(w))
		return;
	w->target = *target;
	if (jt_find_range(env, from) != JT_NO_RANGE)
		bpf_map_update_elem(&mapping_calls, &tid, &all, BPF_ANY);
	give_scratch_back(w);
}

/* The call is over that made something executable, or may have done so. */
static __always_inline void mapping_ended(struct jt_target *target, __u32 tgid, __u64 lo,
                                          __u64 bytes, __s64 ret, bool returns_address)
{
	/* mprotect may fail after it has changed the first part. */
	if (returns_address && ret < 0 && ret > -4096)
		return;
	if (returns_address)
		lo = ret;
	/* The calls round lengths up to pages. */
	mark_changed(target, tgid, lo, (lo + bytes + ~JT_PAGE_MASK) & JT_PAGE_MASK,
	             JT_NOTICE_MAPPING);
}

static __always_inline void mapping_exit(struct syscall_trace_exit *ctx, bool returns_address)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32, tid = (__u32)id;
	struct jt_target *target = find_target(tgid);
	struct jt_span *known, span;

	if (!target)
		return;
	known = bpf_map_lookup_elem(&mapping_calls, &tid);
	if (!known)
		return;
	span = *known;
	bpf_map_delete_elem(&mapping_calls, &tid);
	mapping_ended(target, tgid, span.lo, span.hi, ctx->ret, returns_address);
}

/* At the end of the call's function: its arguments are in the registers that the user had. */
static __always_inline int mapping_made(__u64 *ctx, bool returns_address)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct jt_target *target = find_target(tgid);
	struct pt_regs regs;

	if (target && !saved_registers(&regs) && (regs.dx & JT_PROT_EXEC))
		mapping_ended(target, tgid, regs.di, regs.si, ctx[1], returns_address);
	return 0;
}

static __always_inline int mremap_made(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, env = bpf_get_smp_processor_id();
	struct jt_target *target = find_target(tgid);
	struct jt_walk *w = jt_walk_of(env);
	struct pt_regs regs;
	bool moved;

	if (!target || !w || saved_registers(&regs) || !take_scratch(w))
		return 0;
	w->target = *target;
	moved = jt_find_range(env, regs.di) != JT_NO_RANGE;
	give_scratch_back(w);
	if (moved)
		mapping_ended(target, tgid, 0, JT_PAGE_MASK, 0, false);
	return 0;
}

/* x86-64's numbers. */
#define JT_NR_MMAP     9
#define JT_NR_MPROTECT 10
#define JT_NR_MREMAP   25

/* The same at the raw tracepoint of all calls' ends: sys_exit(regs, result). */
static __always_inline void call_ended(__u64 *args)
{
	__u32 number = (__u32)saved_call_number();

	if ((number != JT_NR_MMAP && number != JT_NR_MPROTECT && number != JT_NR_MREMAP) ||
	    is_compat_call())
		return;
	if (number == JT_NR_MREMAP)
		mremap_made();
	else
		mapping_made(args, number == JT_NR_MMAP);
}
