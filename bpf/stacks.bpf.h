/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From an event to its walk: filter, sampling, registers, kernel stack. Every path ends in a
 * counter. */
#pragma once

static __always_inline void load_changes(struct jt_walk *w, __u32 tgid)
{
	struct jt_dirty *d = bpf_map_lookup_elem(&dirty, &tgid);

	w->changed.lo = 0;
	w->changed.hi = 0;
	if (d && d->seq != w->target.clean_seq) {
		w->changed.lo = d->lo;
		w->changed.hi = d->hi;
	}
}

static __always_inline void start_record(struct jt_walk *w, __u32 tgid, __u32 tid, __u64 cookie)
{
	struct jt_stack_key *key = &w->record.key;

	key->hash = 0;
	key->values = JT_NO_VALUES;
	key->frames = 0;
	key->tgid = tgid;
	key->tid = cfg.by_thread ? tid : 0;
	key->event = (__u32)cookie;
	key->kernel_stack = -1;
	key->user_stack = -1;
	key->status = JT_STATUS_COMPLETE;
	key->bucket[0] = 0;
	key->bucket[1] = 0;
	key->pad = 0;
	w->sum.count = 1;
	w->sum.errors = 0;
	w->sum.weight[0] = 0;
	w->sum.weight[1] = 0;
	w->record.head.type = JT_RECORD_STACK;
	w->record.head.exact = 0;
	w->record.head.window = w->window;
	w->record.space = w->target.space;
	w->record.pad = 0;
	w->tid = tid;
	w->seed = cfg.hash_seed;
	w->scale = 1;
	w->range = JT_NO_RANGE;
	w->defer = 0;
	w->interpreted = 0;
	w->frozen = 0;
	w->heap_end = 0;
	w->gap = 0;
	w->unproven = 0;
	w->unusual = 0;
	w->wrapper = 0;
	w->joined = 0;
	w->fp_known = 1;
	w->bx_known = 1;
	w->max_frames = cfg.max_frames;
}

/* --cstack fp: the kernel's own frame-pointer walk; its end is not known to be the thread's. */
static __always_inline void fp_walk(void *ctx, struct jt_walk *w)
{
	long id = bpf_get_stackid(ctx, stack_ids_of(w->window), BPF_F_USER_STACK);

	w->record.key.user_stack = (__s32)id;
	w->record.key.status = JT_STATUS_FP_WALK;
	if (id < 0) {
		w->record.key.user_stack = -1;
		w->record.key.status = JT_STATUS_FP_LOST;
		bump(JT_COUNTER_USER_COLLISION);
	}
}

static __always_inline void kernel_walk(void *ctx, struct jt_walk *w, __u64 cookie)
{
	long id;

	if (!(cookie & JT_COOKIE_KERNEL))
		return;
	id = bpf_get_stackid(ctx, stack_ids_of(w->window), 0);
	w->record.key.kernel_stack = (__s32)id;
	if (id < 0)
		bump(JT_COUNTER_KERNEL_COLLISION);
}

/* True where -i N leaves this event out: each kind of event and each CPU counts for itself. */
static __always_inline bool sampled_out(__u32 event)
{
	__u32 *turn;

	if (cfg.interval <= 1)
		return false;
	turn = bpf_map_lookup_elem(&turns, &event);
	if (!turn || ++*turn >= cfg.interval) {
		if (turn)
			*turn = 0;
		return false;
	}
	return true;
}

/* Of a call whose latency is known. */
static __always_inline bool too_short(__u32 env, __u64 min_latency)
{
	struct jt_fields *f = jt_fields_of(env);

	return f && f->call.latency < min_latency;
}

/* True where --filter leaves this event out. What the record says is read by the kernel's own
 * reads: a program that reads past a small record by itself is refused at the attach. */
static __always_inline bool filtered_out(__u32 env, __u32 event)
{
	return cfg.has_filters && !jt_passes(env, event);
}

int jt_forget_opened(__u32 env);

/* Finds out what is known of the event before its values are read. False where it is none that
 * counts: of a call that began before we did, say. */
static __always_inline bool open_event(void *ctx, __u32 env, __u32 event, __u32 *flags,
                                       __u64 *min_latency)
{
	const struct jt_event_spec *spec;
	struct jt_fields *f;

	*flags = 0;
	*min_latency = 0;
	if (!cfg.has_filters && !cfg.has_specs)
		return true;
	spec = jt_spec_at(env, event);
	f = jt_fields_of(env);
	if (!spec || !f)
		return true;
	f->record = (__u64)ctx;
	f->text_value = 0;
	if (!cfg.has_specs)
		return true;
	*flags = spec->flags;
	*min_latency = spec->min_latency;
	return !(spec->flags & JT_EVENT_CALL) || jt_make_call(env, event);
}

#define JT_HELD_AS (JT_EVENT_HELD | JT_EVENT_OPENS | JT_EVENT_NO_USER)

/* Whether the event is to be walked; where not, it was counted. */
static __always_inline bool wanted(void *ctx, __u32 env, __u32 window, __u32 event, __u32 *held_as)
{
	enum jt_counter rejected;
	__u64 min_latency;
	__u32 flags;

	if (!open_event(ctx, env, event, &flags, &min_latency))
		return false;
	*held_as = cfg.has_held ? flags & JT_HELD_AS : 0;
	if (filtered_out(env, event))
		rejected = JT_COUNTER_FILTERED;
	else if ((flags & JT_EVENT_TIMED) && too_short(env, min_latency))
		rejected = JT_COUNTER_FILTERED;
	else if (sampled_out(event))
		rejected = JT_COUNTER_SAMPLED_OUT;
	else
		rejected = JT_COUNTER_COUNT;
	/* One that is held fires when it ends. */
	if (rejected != JT_COUNTER_COUNT || !*held_as)
		bump_of(window, event, JT_COUNTER_FIRED);
	if (rejected == JT_COUNTER_COUNT)
		return true;
	if (cfg.has_opens && (flags & JT_EVENT_OPENS))
		jt_forget_opened(env);
	bump_of(window, event, rejected);
	return false;
}

/*
 * Filter first, then everything up to the walk. Returns the scratch slot whose walk is to run, or
 * a negative number where nothing is to be done; *walk says whether there is a stack to walk.
 */
static __always_inline long begin(void *ctx, bool is_raw, bool *walk)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32, window = window_now(), env, status;
	struct jt_target *target;
	struct jt_walk *w;
	__u32 held_as = 0;
	bool no_room;
	__u64 cookie;

	*walk = false;
	if (state.paused)
		return -1;
	target = event_target(id, &no_room);
	if (no_room) {
		cookie = is_raw ? raw_cookie(ctx) : attach_cookie(ctx);
		bump_of(window, (__u32)cookie, JT_COUNTER_FIRED);
		bump_of(window, (__u32)cookie, JT_COUNTER_LOST_TARGETS);
	} else if (!target) {
		bump(JT_COUNTER_OTHERS);
	}
	if (!target)
		return -1;
	cookie = is_raw ? raw_cookie(ctx) : attach_cookie(ctx);
	env = bpf_get_smp_processor_id();
	w = jt_walk_of(env);
	if (!w || !take_scratch(w)) {
		bump_of(window, (__u32)cookie, JT_COUNTER_FIRED);
		bump_of(window, (__u32)cookie, JT_COUNTER_LOST_NESTED);
		return -1;
	}
	if (!wanted(ctx, env, window, (__u32)cookie, &held_as)) {
		give_scratch_back(w);
		return -1;
	}
	w->target = *target;
	w->window = window;
	start_record(w, tgid, (__u32)id, cookie);
	w->held = held_as;
	take_values(env, window, (__u32)cookie, &w->record.key);
	if (cfg.has_sums)
		jt_take_sum(env, (__u32)cookie);
	kernel_walk(ctx, w, cookie);
	if (cfg.cstack == JT_CSTACK_FP && !(held_as & JT_EVENT_NO_USER)) {
		fp_walk(ctx, w);
		return env;
	}
	status = held_as & JT_EVENT_NO_USER ? JT_STATUS_NO_USER : jt_user_regs(env);
	w->regs = w->first;
	w->record.end = w->first;
	w->record.key.status = status;
	if (!status) {
		load_changes(w, tgid);
		*walk = true;
	}
	return env;
}
