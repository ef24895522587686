/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A stack and its count: sent at first sight, or counted once more. */
#pragma once

static __always_inline void add_sum(struct jt_sum *to, const struct jt_sum *one)
{
	__sync_fetch_and_add(&to->count, one->count);
	if (cfg.has_governor)
		__sync_fetch_and_add(&to->kept, one->kept);
	if (!cfg.has_sums)
		return;
	__sync_fetch_and_add(&to->errors, one->errors);
	__sync_fetch_and_add(&to->weight[0], one->weight[0]);
	__sync_fetch_and_add(&to->weight[1], one->weight[1]);
}

/* Sends a stack's frames. */
__noinline int jt_send_stack(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	__u32 frames;
	__u64 flags;

	if (!w)
		return -1;
	w->sent = 1;
	if (!jt_has_ring_share(w->record.key.tgid, JT_FREE_FOR_STACK))
		return -1;
	jt_take_of_ring(w->record.key.tgid, w->record.key.frames * sizeof(struct jt_frame));
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

static __always_inline void use_other_values(__u32 window, struct jt_stack_key *key)
{
	key->values = JT_OTHER_VALUES;
	bump_of(window, key->event, JT_COUNTER_VALUES_OTHER);
}

/* Whether the key has values, and they are known, or counted as others. */
static __always_inline long settle_values(__u32 env, __u32 window, struct jt_stack_key *key)
{
	long room;

	if (!cfg.has_values || key->values == JT_NO_VALUES)
		return 0;
	room = know_values(env, window, key->values);
	if (room < 0)
		return room;
	if (room)
		use_other_values(window, key);
	return 0;
}

/* What says instead how an event was counted that the stack is a remembered one whose frames are to
 * be sent: it has to be walked. */
#define JT_HAS_NO_FRAMES JT_COUNTER_COUNT

/* Where keys tell more than stacks apart: frames and values go each their own way, once. Returns 0,
 * or why the event is lost. */
static __always_inline enum jt_counter know_parts(struct jt_walk *w, __u32 env)
{
	struct jt_stack_key *key = &w->record.key;
	struct jt_stack_key *stack = &w->begun.key; /* not in use yet */
	__u32 zero = 0, window = w->window, *keys;
	void *known = stacks_of(window);

	*stack = *key;
	stack->values = JT_NO_VALUES;
	stack->bucket[0] = 0;
	stack->bucket[1] = 0;
	keys = bpf_map_lookup_elem(known, stack);
	if (!keys) {
		if (w->recalled)
			return JT_HAS_NO_FRAMES;
		if (jt_send_stack(env))
			return JT_COUNTER_LOST_RING;
		bpf_map_update_elem(known, stack, &zero, BPF_NOEXIST);
		keys = bpf_map_lookup_elem(known, stack);
		if (!keys) {
			state.counts_full[window & 1] = 1;
			return JT_COUNTER_LOST_COUNTS;
		}
	}
	if (cfg.has_values && key->values != JT_NO_VALUES && *keys >= JT_STACK_TUPLES)
		use_other_values(window, key);
	else if (settle_values(env, window, key))
		return JT_COUNTER_LOST_RING;
	else
		++*keys;
	return JT_COUNTER_KEPT;
}

/* Adds to what was met under a key that may be new; its parts have been sent. */
static __always_inline enum jt_counter count_key(__u32 window, const struct jt_stack_key *key,
                                                 const struct jt_sum *one)
{
	void *counts = counts_of(window);
	struct jt_sum *sum;

	if (!bpf_map_update_elem(counts, key, one, BPF_NOEXIST))
		return JT_COUNTER_KEPT;
	/* Another CPU was first, or the map is full. */
	sum = bpf_map_lookup_elem(counts, key);
	if (!sum) {
		state.counts_full[window & 1] = 1;
		return JT_COUNTER_LOST_COUNTS;
	}
	add_sum(sum, one);
	return JT_COUNTER_KEPT;
}

/* One event that was counted, where each is wanted. Of no use without a turn of user space's soon:
 * it wakes as new stacks do. */
static __always_inline void list_event(__u32 window, const struct jt_stack_key *key,
                                       const struct jt_sum *sum, __u32 tid)
{
	struct jt_event_record record = {};

	if (!cfg.lists_events)
		return;
	record.head.type = JT_RECORD_EVENT;
	record.head.window = window;
	record.head.time_ns = bpf_ktime_get_ns();
	record.key = *key;
	record.sum = *sum;
	record.tid = tid;
	/* What has to be sent for an event to be counted comes first. */
	if (ring_is_half_full() ||
	    bpf_ringbuf_output(&ring, &record, sizeof(record), wake_flags(record.head.time_ns)))
		bump_of(window, key->event, JT_COUNTER_NOT_LISTED);
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
	__u32 window = w->window;
	struct jt_sum *sum;

	close_key(w, env);
	sum = bpf_map_lookup_elem(counts_of(window), key);
	if (sum) {
		add_sum(sum, &w->sum);
		return JT_COUNTER_KEPT;
	}
	/* Sending what cannot be counted would fill user space instead. */
	if (state.counts_full[window & 1])
		return JT_COUNTER_LOST_COUNTS;
	if (cfg.has_values || cfg.has_sums) {
		enum jt_counter known = know_parts(w, env);

		if (known != JT_COUNTER_KEPT)
			return known;
	} else if (w->recalled) {
		return JT_HAS_NO_FRAMES;
	} else if (jt_send_stack(env)) {
		return JT_COUNTER_LOST_RING;
	}
	return count_key(window, key, &w->sum);
}
