/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What has a begin and an end is one event. System calls are counted at their end, from saved
 * registers; only where latency is asked for their begin is noted. Others (a thread switched out, a
 * request to a disk) are walked at their begin and counted when another event ends them.
 */
#pragma once

/* Whether the thread is younger than the trace, so that it cannot have been in a call before. */
static __always_inline bool did_not_exist(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(task, start_time) >= state.resumed_ns;
}

/* The end of a call whose begin was noted: its latency. */
static __always_inline bool end_call(struct jt_call *call, __u32 event)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct jt_begun *begun = bpf_map_lookup_elem(&calls, &tid);

	if (!begun) {
		bump_of(window_now(), event,
		        did_not_exist() ? JT_COUNTER_CALLS_NO_BEGIN : JT_COUNTER_CALLS_BEFORE);
		return false;
	}
	if (!begun->open || begun->event != event) {
		bump_of(window_now(), event, JT_COUNTER_CALLS_NO_BEGIN);
		return false;
	}
	begun->open = 0;
	call->latency = bpf_ktime_get_ns() - begun->time_ns;
	return true;
}

/* Which descriptors the call made. */
static __always_inline bool take_descriptors(const struct jt_event_spec *spec, __u32 event,
                                             struct jt_call *call)
{
	__u32 arg = spec->fds_arg, window;

	if (call->ret < 0)
		return false;
	call->fd[0] = call->ret;
	call->fd[1] = -1;
	if (arg >= 6)
		return true;
	/* The call has just written them. */
	if (!bpf_probe_read_user(call->fd, sizeof(call->fd), (const void *)call->arg[arg]))
		return true;
	window = window_now();
	bump_of(window, event, JT_COUNTER_FIRED);
	bump_of(window, event, JT_COUNTER_LOST_CALLS);
	return false;
}

/* Makes the call's record out of the registers that were saved when it began. 0 where there is no
 * such call. A function of its own: pt_regs are a third of what stack all calls together may have.
 */
__noinline int jt_make_call(__u32 env, __u32 event)
{
	const struct jt_event_spec *spec = jt_spec_at(env, event);
	struct jt_fields *f = jt_fields_of(env);
	struct jt_call *call;
	struct pt_regs regs;

	if (!cfg.has_specs || !spec || !f)
		return 0;
	call = &f->call;
	if (saved_registers(&regs))
		return 0;
	/* At its end it is where the event's record has it from (syscall_get_return_value). */
	call->ret = spec->flags & JT_EVENT_ENTRY ? 0 : regs.ax;
	/* The child of a clone, which also comes here. */
	if ((spec->flags & JT_EVENT_FORKS) && !call->ret) {
		bump_of(window_now(), event, JT_COUNTER_CALLS_NO_BEGIN);
		return 0;
	}
	call->nr = regs.orig_ax;
	call->arg[0] = spec->flags & JT_EVENT_EXIT ? regs.ax : regs.di;
	call->arg[1] = regs.si;
	call->arg[2] = regs.dx;
	call->arg[3] = regs.r10;
	call->arg[4] = regs.r8;
	call->arg[5] = regs.r9;
	call->latency = 0;
	f->record = (__u64)call;
	if (cfg.has_opens && (spec->flags & JT_EVENT_OPENS))
		return take_descriptors(spec, event, call);
	return !(spec->flags & JT_EVENT_TIMED) || end_call(call, event);
}

/* The begin of a call whose end is event number `event`. */
static __always_inline void begin_call(__u32 event)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tid = (__u32)id, window = window_now();
	struct jt_begun begun = { .open = 1 };
	struct jt_begun *last;
	struct jt_governed *g;
	struct jt_run run;
	bool no_room;

	if (state.paused)
		return;
	g = start_run(&run);
	if (!is_known(g, id)) {
		if (!event_target(id, &no_room)) {
			end_run(&run, JT_RUN_OTHERS);
			return;
		}
		make_known(g, id);
	}
	if (g)
		run.ratio = choose(g, run.random);
	begun.ratio = run.ratio;
	begun.event = event;
	if (run.ratio)
		begun.time_ns = bpf_ktime_get_ns();
	last = bpf_map_lookup_elem(&calls, &tid);
	if (last) {
		/* The event of its end was missed. */
		if (last->open)
			bump_of(window, last->event, JT_COUNTER_CALLS_NO_END);
		*last = begun;
	} else if (bpf_map_update_elem(&calls, &tid, &begun, BPF_ANY)) {
		/* Of its end nobody will know that it was one that counts. */
		bump_of(window, begun.event, JT_COUNTER_FIRED);
		bump_of(window, begun.event, JT_COUNTER_LOST_CALLS);
	}
	end_run(&run, run.ratio ? JT_RUN_KEPT : JT_RUN_OUT);
}

/* Of a thread that ends. */
static __always_inline void forget_call(__u32 tid)
{
	struct jt_begun *begun;

	/* What was in flight at the end stays to be counted. */
	if (state.paused)
		return;
	begun = bpf_map_lookup_elem(&calls, &tid);
	if (!begun)
		return;
	if (begun->open)
		bump_of(window_now(), begun->event, JT_COUNTER_CALLS_NO_END);
	bpf_map_delete_elem(&calls, &tid);
}
