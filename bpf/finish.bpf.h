/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What becomes of a walk: counted, deferred, or held until its event ends. */
#pragma once

static __always_inline enum jt_counter defer_walk(struct jt_walk *w, __u32 env)
{
	if (settle_values(env, w->window, &w->record.key) ||
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

__noinline int finish(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);

	if (!w)
		return 0;
	if (w->record.key.status == JT_STATUS_READ_FAULT && has_no_memory())
		w->record.key.status = JT_STATUS_NO_USER;
	jt_cost(JT_COUNTER_COST_FRAMES, w->record.key.frames);
	if (cfg.has_held && w->held) {
		/* Not by jt_hold() itself: three calls may have 512 bytes of stack together. */
		if (jt_hold(env) && cfg.has_opens && (w->held & JT_EVENT_OPENS))
			jt_forget_opened(env);
	} else if (w->defer) {
		count_outcome(w->window, w->record.key.event, defer_walk(w, env), w->sum.count);
	} else {
		enum jt_counter counted = count_stack(w, env);

		count_outcome(w->window, w->record.key.event, counted, w->sum.count);
		if (counted == JT_COUNTER_KEPT)
			list_event(w->window, &w->record.key, &w->sum, w->tid);
		/* What it went over was two stacks. */
		if (cfg.check_walks && counted == JT_COUNTER_KEPT && w->joined)
			bump(JT_COUNTER_UNCHECKED);
		else if (cfg.check_walks && counted == JT_COUNTER_KEPT)
			send_check(w, env);
	}
	end_run(&w->run, JT_RUN_KEPT);
	give_scratch_back(w);
	return 0;
}
