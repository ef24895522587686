/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which of the descriptors that calls made are open at the end: asked of the process's own table
 * when it ends, of all processes when the trace does. So nothing that closes need be known: close,
 * close_range, dup2 over it, exec, io_uring.
 */
#pragma once

/* Without bpf_loop as many of JT_MAX_FDS: the verifier follows 8192 jumps in a row
 * (BPF_COMPLEXITY_LIMIT_JMP_SEQ). */
#define JT_FEW_FDS 1024

/* Counts descriptor `fd` of a process if what one of the calls made is still open there; what is
 * not is forgotten. */
__noinline int jt_end_descriptor(__u32 tgid, __u32 fd, __u64 file)
{
	struct jt_pair_key pair = { .id[0] = fd, .id[1] = tgid, .event = JT_OPENED };
	const struct jt_event_spec *spec;
	struct jt_held *opened, ended;

	if (!cfg.has_opens)
		return 0;
	opened = bpf_map_lookup_elem(&held, &pair);
	if (!opened)
		return 0;
	ended = *opened;
	/* Threads that end at the same time all find themselves the last one. */
	if (bpf_map_delete_elem(&held, &pair))
		return 0;
	spec = jt_spec_at(0, ended.key.event);
	if (!spec || !file || ended.file != file)
		return 0;
	bump_of(window_now(), ended.key.event, JT_COUNTER_LEFT_OPEN);
	count_ended(spec, &ended);
	return 0;
}

struct jt_exiting {
	struct jt_descriptors table;
	__u32 tgid, pad;
};

/* 1 behind the last descriptor. */
static __always_inline long end_descriptor(__u32 fd, const struct jt_exiting *exiting)
{
	__u64 file;

	if (fd >= exiting->table.max_fds)
		return 1;
	if (bpf_probe_read_kernel(&file, sizeof(file), (__u64 *)exiting->table.fd + fd))
		return 1;
	jt_end_descriptor(exiting->tgid, fd, file);
	return 0;
}

/* The last thread of a target ends: it still has its descriptors (do_exit() calls exit_files()
 * after sched_process_exit). */
static __always_inline bool takes_descriptors_along(struct jt_exiting *exiting)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	exiting->tgid = bpf_get_current_pid_tgid() >> 32;
	/* Whatever has become of the target by now; and while counting is paused at the end, until
	 * the iterator has been there. */
	if (cfg.only_tgid && exiting->tgid != cfg.only_tgid)
		return false;
	if (!bpf_map_lookup_elem(&targets, &exiting->tgid))
		return false;
	if (BPF_CORE_READ(task, signal, live.counter))
		return false;
	return !jt_read_descriptors(&exiting->table, task);
}
