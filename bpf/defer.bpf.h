/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Walks that user space does: their registers and stack. */
#pragma once

#define JT_DEFER_GAP 7 /* pages */

#define JT_WAKE_NS 1000000

/* What is wanted besides the counts leaves the rest to what they need. */
static __always_inline bool ring_is_half_full(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >
	       bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE) / 2;
}

/* A new stack wants its names before its methods, or its process, are gone; but a program that
 * starts brings thousands a second, and one look names all that came until then. */
static __always_inline __u64 wake_flags(__u64 now)
{
	if (now - state.woke < JT_WAKE_NS)
		return BPF_RB_NO_WAKEUP;
	state.woke = now;
	return BPF_RB_FORCE_WAKEUP;
}

/* Interpreted methods have no number that is never used again (compiled code has its id): what the
 * JVM has unloaded until now tells two at the same address apart. */
static __always_inline __u64 unload_epoch(struct jt_walk *w, __u32 env)
{
	const struct jt_hotspot *vm;
	__u64 epoch;

	vm = jt_jvm_of(env, w);
	if (!vm || !vm->unload_epoch || jt_read_code(env, &epoch, sizeof(epoch), vm->unload_epoch))
		return JT_NO_EPOCH;
	return epoch;
}

/* A thread's own data lies above its stack, in the same mapping (glibc, musl): what is beyond is
 * another's. The first thread's lies elsewhere. */
static __always_inline __u64 stack_bytes(__u64 sp)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 tls = BPF_CORE_READ(task, thread.fsbase);

	return tls > sp ? tls - sp : ~0ULL;
}

/* Registers and stack of an event, `most` bytes of it: its code has no table yet, and user space
 * finishes the walk; or it is counted, and user space does the walk again. */
static __always_inline int send_registers(struct jt_walk *w, __u32 env, __u32 type, __u64 most)
{
	struct jt_defer_buffer *buffer = bpf_map_lookup_elem(&defer_scratch, &env);
	struct jt_deferred_record *d;
	__u64 sp = w->first.sp, flags;
	__u32 have = 0, last = 0, gap = 0, i;

	if (!buffer)
		return -1;
	d = &buffer->record;
	d->head.type = type;
	d->head.exact = w->first_exact;
	d->head.window = w->window;
	d->head.time_ns = bpf_ktime_get_ns();
	d->key = w->record.key;
	if (type == JT_RECORD_DEFERRED) {
		d->key.hash = 0;
		d->key.frames = 0;
	}
	d->sum = w->sum;
	d->epoch = unload_epoch(w, env);
	d->space = w->target.space;
	d->pad2 = 0;
	d->regs = w->first;
	d->tid = w->tid;
	d->absent = 0;
	d->pad = 0;
	/* Page by page: a read that crosses the stack's end fails whole. Pages inside a large frame
	 * may never have been touched; many absent ones in a row are the guard zone behind the
	 * stack. */
	for (i = 0; i < JT_DEFER_BYTES / 4096 + 1; i++) {
		__u32 n = 4096 - ((sp + have) & 4095);

		barrier_var(n);
		if (have >= JT_DEFER_BYTES || have >= most || n > 4096 || gap > JT_DEFER_GAP)
			break;
		if (bpf_probe_read_user(d->stack + have, n, (const void *)(sp + have))) {
			d->absent |= 1U << i;
			gap++;
		} else {
			last = have + n;
			gap = 0;
		}
		have += n;
	}
	flags = wake_flags(d->head.time_ns);
	/* Only here: a bound of the loop that the verifier does not know is one to follow. */
	if (last > stack_bytes(sp))
		last = stack_bytes(sp);
	barrier_var(last);
	if (last > JT_DEFER_BYTES)
		last = JT_DEFER_BYTES;
	d->stack_bytes = last;
	jt_take_of_ring(w->record.key.tgid, last);
	return bpf_ringbuf_output(&ring, d, offsetof(struct jt_deferred_record, stack) + last,
	                          flags);
}

/* What the walk went over, and a little more. Not where the ring is half full: new stacks need it.
 */
static __always_inline void send_check(struct jt_walk *w, __u32 env)
{
	__u64 most = w->record.end.sp - w->first.sp + 256;

	if (w->record.key.status == JT_STATUS_NO_USER)
		return;
	if (ring_is_half_full() || send_registers(w, env, JT_RECORD_CHECK, most))
		bump(JT_COUNTER_UNCHECKED);
}
