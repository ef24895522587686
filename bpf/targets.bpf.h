/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose events count. Processes that are given by number are in `targets` from the start; where
 * they come while tracing (--follow, --comm, -a, COMMAND), one is looked at once, at its first
 * event or when it begins, and what came of it is remembered until it executes something or ends:
 * a process that is none costs one look-up.
 */
#pragma once

#define JT_KERNEL_THREAD 0x00200000 /* PF_KTHREAD */

/* A change that no table has: all of its code is in doubt until user space has read its mappings.
 */
#define JT_NO_TABLES (~0U)

static __always_inline bool is_traced(const struct jt_target *target)
{
	return target && target->state == JT_TARGET_TRACED;
}

/* The process's table, where it is a target or may turn out to be one. */
static __always_inline struct jt_target *find_target(__u32 tgid)
{
	struct jt_target *target;

	if (cfg.only_tgid && tgid != cfg.only_tgid)
		return NULL;
	target = bpf_map_lookup_elem(&targets, &tgid);
	if (target && (target->state == JT_TARGET_TRACED || target->state == JT_TARGET_ASK))
		return target;
	return NULL;
}

/* The process's own name, as `ps` has it, not its thread's. */
static __always_inline bool comm_passes(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 states = cfg.comm_start;
	char comm[JT_COMM_BYTES] = {};
	int i;

	if (!cfg.has_comm)
		return true;
	BPF_CORE_READ_INTO(&comm, task, group_leader, comm);
	for (i = 0; i < JT_COMM_BYTES && comm[i]; i++) {
		__u8 c = comm[i];

		states = (states & cfg.comm_takes[c]) << 1 | (states & cfg.comm_stars);
	}
	return states & cfg.comm_end;
}

static __always_inline bool in_cgroups(void)
{
	__u32 i;

	for (i = 0; i < JT_MAX_CGROUPS; i++) {
		if (i >= cfg.cgroups)
			break;
		if (bpf_current_task_under_cgroup(&cgroups, i) == 1)
			return true;
	}
	return !cfg.cgroups;
}

/* What jtrace starts for itself while it traces. */
static __always_inline bool is_child_of_ours(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 parent = BPF_CORE_READ(task, real_parent, tgid);
	struct jt_target *target = bpf_map_lookup_elem(&targets, &parent);

	return target && target->state == JT_TARGET_NEVER;
}

/* Tells user space, which makes tables of its own for it. */
static __always_inline void announce(__u32 tgid, struct jt_target *target)
{
	if (target->announced)
		return;
	/* Where there is no room now the next event tries again. */
	if (!notify(JT_NOTICE_TARGET, tgid, 0, target->birth, target->space))
		target->announced = 1;
}

/* Nothing is known of its mappings. */
static __always_inline void make_dirty(__u32 tgid)
{
	struct jt_dirty all = { .lo = 0, .hi = ~0ULL };

	bpf_map_update_elem(&dirty, &tgid, &all, BPF_NOEXIST);
}

static __always_inline __u32 look_at(void)
{
	if (is_child_of_ours())
		return JT_TARGET_NEVER;
	return comm_passes() ? JT_TARGET_TRACED : JT_TARGET_REJECTED;
}

/*
 * The current process fires an event and was not looked at since it began or executed something; or
 * user space does not know of it yet. 1: it is a target, 0: it is none, -1: there is no room.
 */
__noinline int jt_admit(__u32 tgid)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct jt_target *target = bpf_map_lookup_elem(&targets, &tgid);
	struct jt_target fresh = { .clean_seq = JT_NO_TABLES, .code_lo = 1 };
	bool has_user = !(BPF_CORE_READ(task, flags) & JT_KERNEL_THREAD);

	if (!target) {
		fresh.birth = bpf_ktime_get_ns();
		fresh.space = tgid;
		fresh.state = look_at();
		/* Of a thread of the kernel there is nothing to read. */
		fresh.announced = !has_user;
		if (fresh.state == JT_TARGET_TRACED)
			make_dirty(tgid);
		bpf_map_update_elem(&targets, &tgid, &fresh, BPF_NOEXIST);
		target = bpf_map_lookup_elem(&targets, &tgid);
		if (!target)
			return fresh.state == JT_TARGET_TRACED ? -1 : 0;
	}
	if (target->state == JT_TARGET_ASK) {
		target->state = look_at();
		if (target->state == JT_TARGET_TRACED)
			make_dirty(tgid);
	}
	if (!is_traced(target))
		return 0;
	/* One in its maker's memory is about to execute something. */
	if (!target->lent)
		announce(tgid, target);
	return 1;
}

/* The table of an event's process, where the event is to be counted. */
static __always_inline struct jt_target *event_target(__u64 id, bool *no_room)
{
	__u32 tgid = id >> 32, tid = (__u32)id;
	struct jt_target *target;
	int admitted;

	*no_room = false;
	if (cfg.only_tgid && tgid != cfg.only_tgid)
		return NULL;
	if (cfg.only_tids && !bpf_map_lookup_elem(&tids, &tid))
		return NULL;
	if (cfg.cgroups && !in_cgroups())
		return NULL;
	target = bpf_map_lookup_elem(&targets, &tgid);
	if (!cfg.every && !cfg.has_comm && !cfg.follow)
		return is_traced(target) ? target : NULL;
	if (target && target->state != JT_TARGET_ASK &&
	    (target->announced || target->state != JT_TARGET_TRACED))
		return is_traced(target) ? target : NULL;
	/* Idle CPUs are process 0. */
	if (!tgid || (!target && !cfg.every))
		return NULL;
	admitted = jt_admit(tgid);
	*no_room = admitted < 0;
	return admitted > 0 ? bpf_map_lookup_elem(&targets, &tgid) : NULL;
}
