/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What becomes of a walk: counted, deferred, or held until its event ends. */
#pragma once

static __always_inline enum jt_counter defer_walk(struct jt_walk *w, __u32 env)
{
	if (settle_values(env, w->window, &w->record.key) ||
	    !jt_has_ring_share(w->record.key.tgid, JT_FREE_FOR_DEFERRED) ||
	    send_registers(w, env, JT_RECORD_DEFERRED, JT_DEFER_BYTES))
		return JT_COUNTER_LOST_RING;
	bump_of(w->window, w->record.key.event, JT_COUNTER_DEFERRED);
	return JT_COUNTER_KEPT;
}

/* A task that ends has given its memory back before it is switched out for the last time. */
static __always_inline bool has_no_memory(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return !BPF_CORE_READ(task, mm);
}

/* The walk that was not made has to be: back to where the event's begin left off. */
static __always_inline void begin_walk_again(struct jt_walk *w)
{
	w->recalled = JT_NOT_RECALLED;
	w->watch = JT_WATCH_NOTHING;
	w->other = 0;
	w->interpreted = 0;
	w->unusual = 0;
	w->wrapper = 0;
	w->fp_known = 1;
	w->bx_known = 1;
	w->regs = w->first;
	w->exact = w->first_exact;
	w->record.end = w->first;
	w->record.key.hash = 0;
	w->record.key.frames = 0;
	w->record.key.status = 0;
}

/* Both ways are wanted: the walk is made, too. */
static __always_inline bool is_compared(struct jt_walk *w)
{
	if (cfg.recall < JT_RECALL_CHECK)
		return false;
	if (w->recalled) {
		w->recalled_hash = w->record.key.hash;
		w->recalled_frames = w->record.key.frames;
		w->recalled_end = w->record.end.sp;
		w->recalled_interpreted = w->interpreted;
		w->recalled_as = w->recalled;
		begin_walk_again(w);
		return true;
	}
	if (w->recalled_frames &&
	    (w->recalled_hash != w->record.key.hash || w->recalled_frames != w->record.key.frames ||
	     w->recalled_end != w->record.end.sp || !w->recalled_interpreted != !w->interpreted ||
	     w->record.key.status != JT_STATUS_COMPLETE))
		bump(w->recalled_as == JT_SPLICED ? JT_COUNTER_SPLICE_WRONG
		                                  : JT_COUNTER_RECALL_WRONG);
	return false;
}

static __always_inline enum jt_counter finish_counted(struct jt_walk *w, __u32 env)
{
	enum jt_counter counted = count_stack(w, env);

	if (counted == JT_HAS_NO_FRAMES)
		return counted;
	count_outcome(w->window, w->record.key.event, counted, w->sum.count);
	if (counted == JT_COUNTER_KEPT)
		list_event(w->window, &w->record.key, &w->sum, w->tid);
	/* What it went over was two stacks. */
	if (cfg.check_walks && counted == JT_COUNTER_KEPT && w->joined)
		bump(JT_COUNTER_UNCHECKED);
	else if (cfg.check_walks && counted == JT_COUNTER_KEPT)
		send_check(w, env);
	return counted;
}

/* 1 where the event's stack has to be walked after all; then nothing has been done yet. */
__noinline int finish(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	int held_as;

	if (!w)
		return 0;
	w->record.key.hash = jt_hash_settle(w->record.key.hash);
	if (cfg.recall)
		jt_keep_walk(env);
	if (is_compared(w))
		return 1;
	if (w->record.key.status == JT_STATUS_READ_FAULT && has_no_memory())
		w->record.key.status = JT_STATUS_NO_USER;
	if (cfg.has_held && w->held) {
		held_as = jt_hold(env);
		if (held_as == 2) {
			begin_walk_again(w);
			return 1;
		}
		/* Not by jt_hold() itself: three calls may have 512 bytes of stack together. */
		if (held_as && cfg.has_opens && (w->held & JT_EVENT_OPENS))
			jt_forget_opened(env);
	} else if (w->defer) {
		count_outcome(w->window, w->record.key.event, defer_walk(w, env), w->sum.count);
	} else if (finish_counted(w, env) == JT_HAS_NO_FRAMES) {
		begin_walk_again(w);
		return 1;
	}
	if (!w->recalled)
		jt_cost(JT_COUNTER_COST_FRAMES, w->record.key.frames);
	w->strangers = w->sent ? w->strangers + 1 : 0;
	end_run(&w->run, JT_RUN_KEPT);
	give_scratch_back(w);
	return 0;
}
