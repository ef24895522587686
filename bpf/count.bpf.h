/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A stack and its count: sent at first sight, deferred, or counted once more. */
#pragma once

#define JT_DEFER_GAP 7 /* pages */

#define JT_WAKE_NS 1000000

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
	d->head.pad = w->first_exact;
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
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >
	            bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE) / 2 ||
	    send_registers(w, env, JT_RECORD_CHECK, most))
		bump(JT_COUNTER_UNCHECKED);
}

static __always_inline void add_sum(struct jt_sum *to, const struct jt_sum *one)
{
	__sync_fetch_and_add(&to->count, one->count);
	if (!cfg.has_sums)
		return;
	__sync_fetch_and_add(&to->errors, one->errors);
	__sync_fetch_and_add(&to->weight[0], one->weight[0]);
	__sync_fetch_and_add(&to->weight[1], one->weight[1]);
}

/* Sends a stack's frames. */
static __always_inline long send_stack(struct jt_walk *w, __u32 env)
{
	__u32 frames;
	__u64 flags;

	w->record.head.time_ns = bpf_ktime_get_ns();
	/* Compiled code needs none to be told apart, but what is read of its methods holds for this
	 * epoch. */
	if (!w->interpreted)
		w->record.epoch = unload_epoch(w, env);
	flags = wake_flags(w->record.head.time_ns);
	/* Right before its use: a spilled register loses its bounds (5.10, 6.1). */
	frames = w->record.key.frames;
	barrier_var(frames);
	if (frames > JT_MAX_FRAMES)
		return -1;
	return bpf_ringbuf_output(
		&ring, &w->record,
		offsetof(struct jt_stack_record, frame) + frames * sizeof(struct jt_frame), flags);
}

static __always_inline void use_other_values(struct jt_stack_key *key)
{
	key->values = JT_OTHER_VALUES;
	bump(JT_COUNTER_VALUES_OTHER);
}

/* Whether the key has values, and they are known, or counted as others. */
static __always_inline long settle_values(__u32 env, struct jt_stack_key *key)
{
	long room;

	if (!cfg.has_values || key->values == JT_NO_VALUES)
		return 0;
	room = know_values(env, key->values);
	if (room < 0)
		return room;
	if (room)
		use_other_values(key);
	return 0;
}

/* Where keys tell more than stacks apart: frames and values go each their own way, once. Returns 0,
 * or why the event is lost. */
static __always_inline enum jt_counter know_parts(struct jt_walk *w, __u32 env)
{
	struct jt_stack_key *key = &w->record.key, stack = *key;
	__u32 zero = 0, *keys;

	stack.values = JT_NO_VALUES;
	stack.bucket[0] = 0;
	stack.bucket[1] = 0;
	keys = bpf_map_lookup_elem(&stacks, &stack);
	if (!keys) {
		if (send_stack(w, env))
			return JT_COUNTER_LOST_RING;
		bpf_map_update_elem(&stacks, &stack, &zero, BPF_NOEXIST);
		keys = bpf_map_lookup_elem(&stacks, &stack);
		if (!keys) {
			state.counts_full = 1;
			return JT_COUNTER_LOST_COUNTS;
		}
	}
	if (cfg.has_values && key->values != JT_NO_VALUES && *keys >= JT_STACK_TUPLES)
		use_other_values(key);
	else if (settle_values(env, key))
		return JT_COUNTER_LOST_RING;
	else
		++*keys;
	return JT_COUNTER_KEPT;
}

/* Adds to what was met under a key that may be new; its parts have been sent. */
static __always_inline enum jt_counter count_key(const struct jt_stack_key *key,
                                                 const struct jt_sum *one)
{
	struct jt_sum *sum;

	if (!bpf_map_update_elem(&counts, key, one, BPF_NOEXIST))
		return JT_COUNTER_KEPT;
	/* Another CPU was first, or the map is full. */
	sum = bpf_map_lookup_elem(&counts, key);
	if (!sum) {
		state.counts_full = 1;
		return JT_COUNTER_LOST_COUNTS;
	}
	add_sum(sum, one);
	return JT_COUNTER_KEPT;
}

/* The key's hash, of all that makes a stack another one. */
static __always_inline void close_key(struct jt_walk *w, __u32 env)
{
	struct jt_stack_key *key = &w->record.key;
	__u64 hash = key->hash;

	w->record.epoch = JT_NO_EPOCH;
	JT_MIX(hash, ((__u64)key->status << 32) | key->frames);
	if (w->interpreted) {
		w->record.epoch = unload_epoch(w, env);
		JT_MIX(hash, w->record.epoch);
	}
	key->hash = hash;
}

/* Counts the stack; a new one is sent first, so that no count lacks its frames. */
static __always_inline enum jt_counter count_stack(struct jt_walk *w, __u32 env)
{
	struct jt_stack_key *key = &w->record.key;
	struct jt_sum *sum;

	close_key(w, env);
	sum = bpf_map_lookup_elem(&counts, key);
	if (sum) {
		add_sum(sum, &w->sum);
		return JT_COUNTER_KEPT;
	}
	/* Sending what cannot be counted would fill user space instead. */
	if (state.counts_full)
		return JT_COUNTER_LOST_COUNTS;
	if (cfg.has_values || cfg.has_sums) {
		enum jt_counter known = know_parts(w, env);

		if (known != JT_COUNTER_KEPT)
			return known;
	} else if (send_stack(w, env)) {
		return JT_COUNTER_LOST_RING;
	}
	return count_key(key, &w->sum);
}
