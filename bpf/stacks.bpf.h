/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From an event that is wanted to its walk: values, registers, kernel stack. */
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

static __always_inline void start_record(struct jt_walk *w, __u32 tgid, __u32 tid, __u64 cookie,
                                         const struct jt_run *run)
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
	w->sum.kept = 1;
	if (cfg.has_governor) {
		w->sum.count = run->ratio;
		w->run = *run;
	}
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
	w->base = jt_hash_base(cfg.hash_seed);
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
	w->slot = 0;
	w->recalled = JT_NOT_RECALLED;
	w->sent = 0;
	w->watch = JT_WATCH_NOTHING;
	w->other = 0;
	w->recalled_frames = 0;
	w->copied = 0;
	w->tables = state.tables;
	w->epoch = JT_ASK_EPOCH;
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

/*
 * Filter first, then everything up to the walk. Returns the scratch slot whose walk is to run, or
 * a negative number where nothing is to be done; *walk says whether there is a stack to walk.
 */
static __always_inline long begin(void *ctx, enum jt_entry entry, bool *walk)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32, window = window_now(), env, status;
	struct jt_target *target;
	struct jt_walk *w;
	struct jt_run run;
	__u32 held_as = 0;
	__u64 cookie;

	*walk = false;
	if (state.paused)
		return -1;
	if (is_of_all_calls(entry)) {
		cookie = raw_call_cookie(ctx, entry);
		if (!cookie)
			return -1;
	}
	target = counted_target(ctx, entry, id, window, &run, &cookie);
	if (!target)
		return -1;
	env = bpf_get_smp_processor_id();
	w = jt_walk_of(env);
	if (!w || !take_scratch(w)) {
		bump_of(window, (__u32)cookie, JT_COUNTER_FIRED);
		bump_of(window, (__u32)cookie, JT_COUNTER_LOST_NESTED);
		return -1;
	}
	if (!wanted(ctx, env, window, (__u32)cookie, &held_as, &run)) {
		give_scratch_back(w);
		end_run(&run, run.ratio ? JT_RUN_KEPT : JT_RUN_OUT);
		return -1;
	}
	w->target = *target;
	w->window = window;
	start_record(w, tgid, (__u32)id, cookie, &run);
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
