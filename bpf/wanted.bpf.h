/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether an event is wanted: its target, the governor, filter, sampling. Every path ends in a
 * counter. */
#pragma once

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
	return !(spec->flags & JT_EVENT_MADE) || jt_make_call(env, event);
}

#define JT_HELD_AS (JT_EVENT_HELD | JT_EVENT_OPENS | JT_EVENT_NO_USER)

/* Whether the event is to be walked; where not, it was counted. */
static __always_inline bool wanted(void *ctx, __u32 env, __u32 window, __u32 event, __u32 *held_as,
                                   const struct jt_run *run)
{
	enum jt_counter rejected;
	__u64 min_latency;
	__u32 flags;

	if (!open_event(ctx, env, event, &flags, &min_latency))
		return false;
	*held_as = cfg.has_held ? flags & JT_HELD_AS : 0;
	if (!run->ratio)
		rejected = JT_COUNTER_SAMPLED_OUT;
	else if (filtered_out(env, event))
		rejected = JT_COUNTER_FILTERED;
	else if ((flags & JT_EVENT_TIMED) && too_short(env, min_latency))
		rejected = JT_COUNTER_FILTERED;
	else if (sampled_out(event))
		rejected = JT_COUNTER_SAMPLED_OUT;
	else if (over_max_rate())
		rejected = JT_COUNTER_RATE_LIMITED;
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

/* The governor leaves out an event, and that is all there is to it. What opens descriptors is
 * looked at all the same: they may stand in the place of others that are watched. */
static __always_inline bool left_out(const struct jt_run *run, __u32 window, __u32 event)
{
	const struct jt_event_spec *spec;

	if (!cfg.has_governor || run->ratio)
		return false;
	spec = cfg.has_opens ? jt_spec_at(0, event) : NULL;
	if (spec && (spec->flags & JT_EVENT_OPENS))
		return false;
	count_sampled_out(window, event);
	return true;
}

/* The event's target. NULL where it has none, or where the governor leaves the event out. */
static __always_inline struct jt_target *counted_target(void *ctx, enum jt_entry entry, __u64 id,
                                                        __u32 window, struct jt_run *run,
                                                        __u64 *cookie)
{
	struct jt_governed *g = start_run(run);
	bool known = is_known(g, id), no_room = false;
	struct jt_target *target = NULL;
	__u32 tgid = id >> 32;

	if (!known) {
		target = event_target(id, &no_room);
		if (!target && !no_room) {
			bump(JT_COUNTER_OTHERS);
			end_run(run, JT_RUN_OTHERS);
			return NULL;
		}
	}
	if (!is_of_all_calls(entry))
		*cookie = cookie_of(ctx, entry);
	if (no_room) {
		bump_of(window, (__u32)*cookie, JT_COUNTER_FIRED);
		bump_of(window, (__u32)*cookie, JT_COUNTER_LOST_TARGETS);
		return NULL;
	}
	make_known(g, id);
	decide(run, g, (__u32)*cookie, (__u32)id);
	if (left_out(run, window, (__u32)*cookie)) {
		end_run(run, JT_RUN_OUT);
		return NULL;
	}
	return known ? bpf_map_lookup_elem(&targets, &tgid) : target;
}
