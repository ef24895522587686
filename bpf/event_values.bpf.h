/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an event shows (--by) and what it adds up to (--weight). */
#pragma once

/* Before 6.8 global functions are verified whether they are called or not. */
#define jt_has_values() cfg.has_values
#define jt_has_sums()   cfg.has_sums

static __always_inline struct jt_values_record *values_of(__u32 env)
{
	return bpf_map_lookup_elem(&values, &env);
}

/* Mixes a string into the id, word by word. */
static __always_inline __u64 mix_text(__u64 id, const struct jt_text *text)
{
	__u32 bytes = text->bytes, at;
	__u64 word;

	for (at = 0; at < JT_TEXT_BYTES; at += 8) {
		if (at >= bytes)
			break;
		word = jt_load64(text->text + at);
		if (bytes - at < 8)
			word &= ~0ULL >> (64 - 8 * (bytes - at));
		JT_MIX(id, word);
	}
	return id;
}

static __always_inline void read_fd(const struct jt_fields *f, const struct jt_value *value,
                                    struct jt_text *text)
{
	__s32 fd;

	text->bytes = -1;
	if (!bpf_probe_read_kernel(&fd, sizeof(fd), (const void *)(f->record + value->offset)))
		jt_read_fd(text, fd);
}

/* Reads the n-th value that is shown, and mixes it into the id of all. */
__noinline int jt_take_value(__u32 env, __u32 event, __u32 n)
{
	const struct jt_event_spec *spec = jt_spec_at(env, event);
	struct jt_values_record *all = values_of(env);
	struct jt_fields *f = jt_fields_of(env);
	const struct jt_value *value;
	struct jt_text *text;
	__u32 index;
	__u64 id;

	if (!jt_has_values() || !spec || !all || !f || n >= JT_MAX_BY)
		return 0;
	index = spec->by[n];
	if (index >= JT_MAX_VALUES)
		return 0;
	value = &spec->value[index];
	text = &all->values.value[n];
	id = all->values.id;
	text->number = 0;
	text->cut = 0;
	text->bytes = 0;
	if (value->kind >= JT_VALUE_FIRST_STRING) {
		if (value->kind == JT_VALUE_FD_PATH)
			read_fd(f, value, text);
		else
			jt_read_text(env, f, value, text);
		if (text->bytes >= 0)
			id = mix_text(id, text);
	} else if (jt_read_number(env, f, value, &text->number)) {
		text->bytes = -1;
	}
	if (text->bytes < 0)
		bump(JT_COUNTER_VALUES_UNREADABLE);
	/* Strings are told apart by their lengths, too: "a", "b" is not "ab", "". */
	JT_MIX(id, text->number);
	JT_MIX(id, (__u64)(__u32)text->bytes);
	all->values.id = id;
	all->values.count = n + 1;
	return 1;
}

/* Reads all of them; the key is told what they are. */
static __always_inline void take_values(__u32 env, __u32 event, struct jt_stack_key *key)
{
	struct jt_values_record *all = values_of(env);
	int n;

	if (!cfg.has_values || !all)
		return;
	all->head.type = JT_RECORD_VALUES;
	all->head.pad = 0;
	all->values.id = cfg.hash_seed + event;
	all->values.event = event;
	all->values.count = 0;
	all->values.tgid = key->tgid;
	for (n = 0; n < JT_MAX_BY; n++) {
		if (!jt_take_value(env, event, n))
			break;
	}
	if (!all->values.count)
		return;
	if (all->values.id < JT_FIRST_VALUES)
		all->values.id = JT_FIRST_VALUES;
	key->values = all->values.id;
}

/* Whether values with the key's id have been sent, now at the latest. Returns 0, 1 where there is
 * no room for them, or < 0 where the ring has none. */
static __always_inline int know_values(__u32 env, __u64 id)
{
	struct jt_values_record *all = values_of(env);
	__u32 one = 1, bytes;

	if (bpf_map_lookup_elem(&tuples, &id))
		return 0;
	if (!all || state.tuples_full)
		return 1;
	all->head.time_ns = bpf_ktime_get_ns();
	bytes = all->values.count;
	barrier_var(bytes);
	if (bytes > JT_MAX_BY)
		return 1;
	bytes = offsetof(struct jt_values_record, values.value) + bytes * sizeof(struct jt_text);
	if (bpf_ringbuf_output(&ring, all, bytes, BPF_RB_NO_WAKEUP))
		return -1;
	if (bpf_map_update_elem(&tuples, &id, &one, BPF_NOEXIST) &&
	    !bpf_map_lookup_elem(&tuples, &id)) {
		state.tuples_full = 1;
		return 1;
	}
	return 0;
}

/* 0 for 0, else 1 + the logarithm to base 2. */
static __always_inline __u8 size_class(__u64 n)
{
	__u8 bits = 0;
	int step;

	if (!n)
		return 0;
	for (step = 32; step; step >>= 1) {
		if (n >> step) {
			n >>= step;
			bits += step;
		}
	}
	return bits + 1;
}

/* What this one event adds to its stack. */
__noinline int jt_take_sum(__u32 env, __u32 event)
{
	const struct jt_event_spec *spec = jt_spec_at(env, event);
	struct jt_fields *f = jt_fields_of(env);
	struct jt_walk *w = jt_walk_of(env);
	__u32 index;
	__u64 n;
	int i;

	if (!jt_has_sums() || !spec || !f || !w)
		return 0;
	for (i = 0; i < JT_MAX_WEIGHTS; i++) {
		index = spec->weight[i];
		if (index >= JT_MAX_VALUES)
			continue;
		if (jt_read_number(env, f, &spec->value[index], &n))
			continue;
		if (spec->value[index].is_signed && (__s64)n < 0)
			n = 0;
		w->sum.weight[i] = n;
		w->record.key.bucket[i] = size_class(n);
	}
	index = spec->error;
	if (index < JT_MAX_VALUES && !jt_read_number(env, f, &spec->value[index], &n))
		w->sum.errors = n != 0;
	return 0;
}
