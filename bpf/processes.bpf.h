/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How processes begin, what they execute, how they end. */
#pragma once

/* Where the current thread waits for a child in its own memory. */
static __always_inline void keep_maker(__u32 child)
{
	struct jt_maker maker = { .tid = (__u32)bpf_get_current_pid_tgid() };
	struct pt_regs regs;

	if (saved_registers(&regs))
		return;
	take_regs(&maker.regs, &regs);
	bpf_map_update_elem(&makers, &child, &maker, BPF_ANY);
}

/*
 * The child is what its parent is. Its memory is a copy, or the same: its parent's tables are right
 * for it until it changes its mappings, so that not one of its events is without.
 */
__noinline int inherit(__u32 parent, __u32 child, __u32 lent)
{
	struct jt_target *target = bpf_map_lookup_elem(&targets, &parent);
	struct jt_dirty *d = bpf_map_lookup_elem(&dirty, &parent);
	struct jt_target copy;
	struct jt_dirty changes = { .hi = ~0ULL };

	if (!target || target->state == JT_TARGET_REJECTED || target->state == JT_TARGET_HELD)
		return 0;
	copy = *target;
	copy.birth = bpf_ktime_get_ns();
	copy.lent = lent != 0;
	copy.followed = cfg.follow;
	copy.announced = 0;
	if (d)
		changes = *d;
	/* Of both there is room, or of none. */
	if (bpf_map_update_elem(&dirty, &child, &changes, BPF_ANY) ||
	    bpf_map_update_elem(&targets, &child, &copy, BPF_ANY)) {
		bpf_map_delete_elem(&dirty, &child);
		bump(JT_COUNTER_NOTICE_LOST);
		return 0;
	}
	if (lent && copy.state == JT_TARGET_TRACED)
		keep_maker(child);
	if (!cfg.follow || lent || copy.state != JT_TARGET_TRACED)
		return 0;
	target = bpf_map_lookup_elem(&targets, &child);
	if (target)
		announce(child, target);
	return 0;
}

/* A number that is handed out again is another process's: only then nothing of the old one can
 * come. */
static __always_inline int process_fork(const struct task_struct *parent,
                                        const struct task_struct *child)
{
	__u32 tgid = BPF_CORE_READ(child, tgid);

	/* Its own number is its process's: else it is a thread. */
	if ((__u32)BPF_CORE_READ(child, pid) != tgid)
		return 0;
	bpf_map_delete_elem(&targets, &tgid);
	bpf_map_delete_elem(&dirty, &tgid);
	bpf_map_delete_elem(&makers, &tgid);
	if (!cfg.follow && !cfg.every)
		return 0;
	inherit(bpf_get_current_pid_tgid() >> 32, tgid,
	        BPF_CORE_READ(child, mm) == BPF_CORE_READ(parent, mm));
	return 0;
}

static __always_inline int process_exec(void)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32;
	struct jt_target *target;

	if (cfg.only_tgid && tgid != cfg.only_tgid)
		return 0;
	target = bpf_map_lookup_elem(&targets, &tgid);
	if (!target || target->state == JT_TARGET_NEVER)
		return 0;
	bpf_map_delete_elem(&makers, &tgid);
	target->lent = 0;
	target->space = tgid;
	/* Its code cache is gone: what is mapped in its place is news. */
	target->code_lo = 1;
	target->code_hi = 0;
	target->jvm = 0;
	if (target->state == JT_TARGET_HELD) {
		target->state = JT_TARGET_TRACED;
		target->followed = 1;
	} else if (cfg.has_comm && !target->followed) {
		target->state = JT_TARGET_ASK;
	}
	mark_changed(target, tgid, 0, ~0ULL, JT_NOTICE_EXEC);
	if (cfg.follow && target->state == JT_TARGET_TRACED)
		announce(tgid, target);
	return 0;
}

static __always_inline int process_exit(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32, tid = (__u32)id;
	struct jt_target *target;

	if (cfg.only_tgid && tgid != cfg.only_tgid)
		return 0;
	target = bpf_map_lookup_elem(&targets, &tgid);
	if (!target)
		return 0;
	bpf_map_delete_elem(&java_threads, &tid);
	forget_call(tid);
	/* do_exit() counts itself off before this event (kernel/exit.c). */
	if (BPF_CORE_READ(task, signal, live.counter))
		return 0;
	/* What comes of a target until its number is another's still is its own: user space forgets
	 * it when it is gone. */
	if (target->announced || (is_traced(target) && !cfg.every)) {
		notify(JT_NOTICE_EXIT, tgid, 0, target->birth, 0);
	} else {
		bpf_map_delete_elem(&targets, &tgid);
		bpf_map_delete_elem(&dirty, &tgid);
	}
	return 0;
}
