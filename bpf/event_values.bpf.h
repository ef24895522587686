/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an event shows (--by) and what it adds up to (--weight). */
#pragma once

#define JT_FIRST_CHOSEN_PORT 32768

/* Before 6.8 global functions are verified whether they are called or not. */
#define jt_has_values() cfg.has_values
#define jt_has_sums()   cfg.has_sums

static __always_inline struct jt_values_record *values_of(__u32 env)
{
	return bpf_map_lookup_elem(&values, &env);
}

/* Mixes the n-th string into the id, word by word. A function of its own, as the next ones: the
 * verifier would walk the loop for each way a string can be read. */
__noinline int jt_mix_text(__u32 env, __u32 n)
{
	struct jt_values_record *all = values_of(env);
	const struct jt_text *text;
	__u32 words, rest, i;
	__u64 id, word;

	if (!jt_has_values() || !all || n >= JT_MAX_BY)
		return 0;
	text = &all->values.value[n];
	id = all->values.id;
	words = (__u32)text->bytes >> 3;
	rest = text->bytes & 7;
	for (i = 0; i < JT_TEXT_BYTES / 8; i++) {
		if (i >= words)
			break;
		word = jt_load64(text->text + 8 * i);
		JT_MIX(id, word);
	}
	if (rest) {
		word = jt_load64(text->text + 8 * (words & (JT_TEXT_BYTES / 8 - 1)));
		word &= ~0ULL >> (64 - 8 * rest);
		JT_MIX(id, word);
	}
	all->values.id = id;
	return 0;
}

/* Of both ends of a connection one has a port that was chosen for it alone: by it every connection
 * would be a value of its own, and a server has thousands (82 % of a Tomcat's bytes were [other]).
 * It is the larger one, from where Linux takes them on (net.ipv4.ip_local_port_range). */
static __always_inline void drop_chosen_port(struct jt_text *text)
{
	struct jt_fd_inet *socket = (struct jt_fd_inet *)text->text;
	__u16 local = socket->local_port, remote = socket->remote_port;

	if (text->bytes != sizeof(*socket) || socket->head.kind != JT_FD_INET || !local || !remote)
		return;
	if (local >= JT_FIRST_CHOSEN_PORT && local > remote)
		socket->local_port = 0;
	else if (remote >= JT_FIRST_CHOSEN_PORT && remote > local)
		socket->remote_port = 0;
	else
		return;
	socket->head.flags |= JT_FD_ANY_PORT;
}

/* Reads what the n-th value, a file descriptor, is open on. */
__noinline int jt_take_fd(__u32 env, __u32 offset, __u32 n)
{
	struct jt_values_record *all = values_of(env);
	struct jt_fields *f = jt_fields_of(env);
	__s32 fd;

	if (!jt_has_values() || !all || !f || n >= JT_MAX_BY)
		return 0;
	all->values.value[n].bytes = -1;
	if (!bpf_probe_read_kernel(&fd, sizeof(fd), (const void *)(f->record + offset)))
		jt_read_fd(&all->values.value[n], fd);
	drop_chosen_port(&all->values.value[n]);
	return 0;
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
	text->number = 0;
	text->cut = 0;
	text->bytes = 0;
	if (value->kind == JT_VALUE_FD_PATH)
		jt_take_fd(env, value->offset, n);
	else if (value->kind >= JT_VALUE_FIRST_STRING)
		jt_read_text(env, f, value, text);
	else if (jt_read_number(env, f, value, &text->number))
		text->bytes = -1;
	if (text->bytes < 0)
		bump_of(window_now(), event, JT_COUNTER_VALUES_UNREADABLE);
	else if (text->bytes > 0)
		jt_mix_text(env, n);
	/* Strings are told apart by their lengths, too: "a", "b" is not "ab", "". */
	id = all->values.id;
	JT_MIX(id, text->number);
	JT_MIX(id, (__u64)(__u32)text->bytes);
	all->values.id = id;
	all->values.count = n + 1;
	return 1;
}

/* Reads all of them; the key is told what they are. */
static __always_inline void take_values(__u32 env, __u32 window, __u32 event,
                                        struct jt_stack_key *key)
{
	struct jt_values_record *all = values_of(env);
	int n;

	if (!cfg.has_values || !all)
		return;
	all->head.type = JT_RECORD_VALUES;
	all->head.exact = 0;
	all->head.window = window;
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
static __always_inline int know_values(__u32 env, __u32 window, __u64 id)
{
	struct jt_values_record *all = values_of(env);
	void *known = tuples_of(window);
	__u32 one = 1, bytes;

	if (bpf_map_lookup_elem(known, &id))
		return 0;
	if (!all || state.tuples_full[window & 1])
		return 1;
	all->head.time_ns = bpf_ktime_get_ns();
	bytes = all->values.count;
	barrier_var(bytes);
	if (bytes > JT_MAX_BY)
		return 1;
	bytes = offsetof(struct jt_values_record, values.value) + bytes * sizeof(struct jt_text);
	if (bpf_ringbuf_output(&ring, all, bytes, BPF_RB_NO_WAKEUP))
		return -1;
	if (bpf_map_update_elem(known, &id, &one, BPF_NOEXIST) &&
	    !bpf_map_lookup_elem(known, &id)) {
		state.tuples_full[window & 1] = 1;
		return 1;
	}
	return 0;
}

/* 0 for 0, else 1 + the logarithm to base 2: the number of bits up to the highest one. Without a
 * branch, each of which would be another way for the verifier to go. */
static __always_inline __u8 size_class(__u64 n)
{
	n |= n >> 1;
	n |= n >> 2;
	n |= n >> 4;
	n |= n >> 8;
	n |= n >> 16;
	n |= n >> 32;
	n -= (n >> 1) & 0x5555555555555555ULL;
	n = (n & 0x3333333333333333ULL) + ((n >> 2) & 0x3333333333333333ULL);
	n = (n + (n >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return n * 0x0101010101010101ULL >> 56;
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
		w->sum.weight[i] = n * w->sum.count;
		w->record.key.bucket[i] = size_class(n);
	}
	index = spec->error;
	if (index < JT_MAX_VALUES && !jt_read_number(env, f, &spec->value[index], &n))
		w->sum.errors = n ? w->sum.count : 0;
	return 0;
}
