/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What has begun and is counted when it ends: its stack is that of the begin. */
#pragma once

#define JT_EXITING 4 /* PF_EXITING, include/linux/sched.h */

/* What two events share that are one's begin and end: values of the record of either. */
static __always_inline bool pair_key(__u32 env, __u32 event, bool is_end, struct jt_pair_key *pair)
{
	const struct jt_event_spec *spec = jt_spec_at(env, event);
	struct jt_fields *f = jt_fields_of(env);
	__u32 index;
	int i;

	if (!spec || !f)
		return false;
	pair->event = event;
	pair->id[0] = 0;
	pair->id[1] = 0;
	for (i = 0; i < 2; i++) {
		index = is_end ? spec->pair_end[i] : spec->pair[i];
		if (index >= JT_MAX_VALUES)
			continue;
		if (jt_read_number(env, f, &spec->value[index], &pair->id[i]))
			return false;
	}
	return true;
}

/* Whether frames and values of what is held are sent. Its key without size classes, which are not
 * known yet, stands in `counts` with nothing for it: so that it is met as known the next time. */
static __always_inline enum jt_counter know_held(struct jt_walk *w, __u32 env)
{
	static const struct jt_sum nothing;
	__u32 window = w->window;
	void *counts = counts_of(window);
	enum jt_counter known;

	if (bpf_map_lookup_elem(counts, &w->record.key))
		return JT_COUNTER_KEPT;
	if (state.counts_full[window & 1])
		return JT_COUNTER_LOST_COUNTS;
	known = know_parts(w, env);
	if (known != JT_COUNTER_KEPT)
		return known;
	/* Not by count_key(): LLVM makes of adding nothing an exchange, which 5.10 has not. */
	if (bpf_map_update_elem(counts, &w->record.key, &nothing, BPF_NOEXIST) &&
	    !bpf_map_lookup_elem(counts, &w->record.key)) {
		state.counts_full[window & 1] = 1;
		return JT_COUNTER_LOST_COUNTS;
	}
	return JT_COUNTER_KEPT;
}

static __always_inline enum jt_counter keep_held(const struct jt_pair_key *pair,
                                                 const struct jt_held *begun)
{
	if (!bpf_map_update_elem(&held, pair, begun, BPF_NOEXIST))
		return JT_COUNTER_KEPT;
	/* There is no room, or the end of the last one was missed. */
	if (bpf_map_update_elem(&held, pair, begun, BPF_EXIST))
		return JT_COUNTER_LOST_CALLS;
	bump_of(window_now(), begun->key.event, JT_COUNTER_CALLS_NO_END);
	return JT_COUNTER_KEPT;
}

/* Descriptors of a process that are looked at when it ends: on its CPU, without a pause, so that
 * one who has a million open must not hold it up for long. */
#define JT_MAX_FDS (1 << 17)

/* What a call opened is held until its process ends, or the trace. A number that is there already
 * was closed meanwhile: who closes is not watched, what is open at the end is asked then. */
static __always_inline enum jt_counter keep_opened(__u32 env, struct jt_held *begun)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct jt_pair_key pair = { .id[1] = begun->key.tgid, .event = JT_OPENED };
	struct jt_fields *f = jt_fields_of(env);
	int i;

	if (!f)
		return JT_COUNTER_LOST_CALLS;
	for (i = 0; i < 2; i++) {
		__s32 fd = f->call.fd[i];

		if (fd < 0)
			continue;
		if (fd >= JT_MAX_FDS)
			return JT_COUNTER_LOST_CALLS;
		pair.id[0] = fd;
		begun->file = (__u64)jt_file_of(task, fd);
		if (bpf_map_update_elem(&held, &pair, begun, BPF_ANY))
			return JT_COUNTER_LOST_CALLS;
		bump_of(window_now(), begun->key.event, JT_COUNTER_OPENED);
	}
	return JT_COUNTER_KEPT;
}

/* What a call opened that does not count took the place of what had been there: that was closed.
 * Else it would be taken for it, as the kernel hands out a struct file again at once (6.7 on). */
__noinline int jt_forget_opened(__u32 env)
{
	struct jt_pair_key pair = { .event = JT_OPENED };
	struct jt_fields *f = jt_fields_of(env);
	int i;

	if (!cfg.has_opens || !f)
		return 0;
	pair.id[1] = bpf_get_current_pid_tgid() >> 32;
	for (i = 0; i < 2; i++) {
		pair.id[0] = (__u64)f->call.fd[i];
		bpf_map_delete_elem(&held, &pair);
	}
	return 0;
}

/* The last time a thread is switched out it is not switched in again, and what is held for it would
 * stay for ever. It has given its memory back by then. */
static __always_inline bool is_ending(const struct jt_walk *w)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return w->record.key.status == JT_STATUS_NO_USER && !(w->held & JT_EVENT_NO_USER) &&
	       (BPF_CORE_READ(task, flags) & JT_EXITING);
}

/* Frames and values are sent, the count is left to the end. 1 where it is lost, 2 where there are
 * no frames yet. */
__noinline int jt_hold(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_pair_key pair;
	enum jt_counter known;

	if (!cfg.has_held || !w)
		return 0;
	if (is_ending(w)) {
		bump_of(w->window, w->record.key.event, JT_COUNTER_CALLS_NO_END);
		return 0;
	}
	/* User space finishes walks of events, and this is none yet. */
	if (w->defer)
		w->record.key.status = JT_STATUS_MAPPING;
	close_key(w, env);
	known = know_held(w, env);
	if (known == JT_HAS_NO_FRAMES)
		return 2;
	if (known == JT_COUNTER_KEPT) {
		w->begun.key = w->record.key;
		w->begun.sum = w->sum;
		w->begun.time_ns = bpf_ktime_get_ns();
		w->begun.file = 0;
		w->begun.tid = w->tid;
		if (cfg.has_opens && (w->held & JT_EVENT_OPENS))
			known = keep_opened(env, &w->begun);
		else if (!pair_key(env, w->record.key.event, false, &pair))
			known = JT_COUNTER_LOST_CALLS;
		else
			known = keep_held(&pair, &w->begun);
	}
	if (known != JT_COUNTER_KEPT) {
		bump_of(w->window, w->record.key.event, JT_COUNTER_FIRED);
		bump_of(w->window, w->record.key.event, known);
		return 1;
	}
	return 0;
}

/* Counts what was held, with the time it took. */
static __always_inline void count_ended(const struct jt_event_spec *spec, struct jt_held *ended)
{
	__u64 latency = bpf_ktime_get_ns() - ended->time_ns;
	__u32 which = spec->latency, event = ended->key.event, window = window_now();
	enum jt_counter counted = JT_COUNTER_KEPT;
	struct jt_sum *sum;

	bump_of(window, event, JT_COUNTER_FIRED);
	if (latency < spec->min_latency) {
		bump_of(window, event, JT_COUNTER_FILTERED);
		return;
	}
	if (which == 0) {
		ended->sum.weight[0] = latency * ended->sum.count;
		ended->key.bucket[0] = size_class(latency);
	} else if (which == 1) {
		ended->sum.weight[1] = latency * ended->sum.count;
		ended->key.bucket[1] = size_class(latency);
	}
	sum = bpf_map_lookup_elem(counts_of(window), &ended->key);
	if (sum)
		add_sum(sum, &ended->sum);
	else
		counted = count_key(window, &ended->key, &ended->sum);
	count_outcome(window, event, counted, ended->sum.count);
	if (counted == JT_COUNTER_KEPT)
		list_event(window, &ended->key, &ended->sum, ended->tid);
}

/* 1 where something ended. */
static __always_inline int end_in_scratch(void *ctx, __u32 env)
{
	__u32 event = (__u32)attach_cookie(ctx);
	const struct jt_event_spec *spec = jt_spec_at(env, event);
	struct jt_fields *f = jt_fields_of(env);
	struct jt_pair_key pair;
	struct jt_held *begun, ended;

	if (!cfg.has_held || state.paused || !spec || !f)
		return 0;
	f->record = (__u64)ctx;
	if (!pair_key(env, event, true, &pair))
		return 0;
	begun = bpf_map_lookup_elem(&held, &pair);
	if (!begun)
		return 0;
	ended = *begun;
	if (bpf_map_delete_elem(&held, &pair))
		return 0;
	count_ended(spec, &ended);
	count_run();
	return 1;
}

/* Where the scratch is another event's the begin stays, and is one without an end. */
static __always_inline void end_held(void *ctx)
{
	__u32 env = bpf_get_smp_processor_id();
	struct jt_walk *w = jt_walk_of(env);
	struct jt_run run;
	int found;

	start_run(&run);
	if (!w || !take_scratch(w))
		return;
	found = end_in_scratch(ctx, env);
	give_scratch_back(w);
	end_run(&run, found ? JT_RUN_KEPT : JT_RUN_OTHERS);
}
