// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Entry points. One capture path: filter, values, registers, walk, count. User space loads jt_event
 * where the kernel has bpf_loop (5.17), else jt_event_chain and jt_chain; their likes called raw
 * where there are events of raw tracepoints; jt_call_begin and jt_held_end where latency is asked
 * for; the lifecycle programs always.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

#include "jtrace_abi.h"
#include "stack_hash.h"
#include "config.bpf.h"
#include "maps.bpf.h"
#include "windows.bpf.h"
#include "counters.bpf.h"
#include "notice.bpf.h"
#include "walk_env.bpf.h"
#include "remembered.bpf.h"
#include "bounds.bpf.h"
#include "stack_copy.bpf.h"
#include "walk_step.h"
#include "event_env.bpf.h"
#include "event_filter.h"
#include "fd_path.bpf.h"
#include "event_values.bpf.h"
#include "regs.bpf.h"
#include "entry.bpf.h"
#include "targets.bpf.h"
#include "scratch.bpf.h"
#include "governor.bpf.h"
#include "calls.bpf.h"
#include "wanted.bpf.h"
#include "stacks.bpf.h"
#include "ring_share.bpf.h"
#include "defer.bpf.h"
#include "recall_set.bpf.h"
#include "recall_same.bpf.h"
#include "splice.bpf.h"
#include "recall.bpf.h"
#include "count.bpf.h"
#include "held.bpf.h"
#include "finish.bpf.h"
#include "descriptors.bpf.h"
#include "lifecycle.bpf.h"
#include "processes.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Of programs at perf tracepoints: 0 would keep the event from perf's own users, whose turn is
 * after BPF's (perf_trace_run_bpf_submit, kernel/events/core.c). */
#define JT_PASS_ON 1

static long loop_step(__u32 turn, void *data)
{
	int done = jt_step(*(__u32 *)data);

	/* The verifier does not see into a global function: show it the range. */
	barrier_var(done);
	return done & 1;
}

static __always_inline int event(void *ctx, enum jt_entry entry)
{
	bool walk;
	long slot = begin(ctx, entry, &walk);
	__u32 env = slot;

	if (slot < 0)
		return 0;
	if (walk && !jt_recall(env))
		bpf_loop(JT_MAX_FRAMES + 1, loop_step, &env, 0);
	if (finish(env)) {
		bpf_loop(JT_MAX_FRAMES + 1, loop_step, &env, 0);
		finish(env);
	}
	return 0;
}

SEC("?tp")
int jt_event(void *ctx)
{
	event(ctx, JT_ENTRY_TRACEPOINT);
	return JT_PASS_ON;
}

SEC("?raw_tp")
int jt_raw_event(void *ctx)
{
	return event(ctx, JT_ENTRY_RAW);
}

SEC("?fentry")
int jt_call_event(void *ctx)
{
	return event(ctx, JT_ENTRY_CALL);
}

static __always_inline int event_chain(void *ctx, enum jt_entry entry, void *next, __u32 step)
{
	bool walk;
	long slot = begin(ctx, entry, &walk);

	if (slot < 0)
		return 0;
	if (walk && !jt_recall(slot))
		bpf_tail_call(ctx, next, step);
	if (finish(slot)) {
		bpf_tail_call(ctx, next, step);
		finish(slot);
	}
	return 0;
}

/*
 * 33 tail calls of this many steps: 264 frames. No rest is joined here (cfg.joins): a joined stack
 * that is new is walked a second time, for which calls would be wanting. So finish() asks for none.
 */
#define JT_CHAIN_STEPS 8

static __always_inline int walk_chain(void *ctx, void *next, __u32 step)
{
	__u32 env = bpf_get_smp_processor_id();
	struct jt_walk *w;
	int i;

	for (i = 0; i < JT_CHAIN_STEPS; i++) {
		if (jt_step(env)) {
			finish(env);
			return 0;
		}
	}
	bpf_tail_call(ctx, next, step);
	w = jt_walk_of(env);
	if (w)
		jt_end(w, JT_STATUS_BUDGET);
	finish(env);
	return 0;
}

SEC("?tp")
int jt_event_chain(void *ctx)
{
	event_chain(ctx, JT_ENTRY_TRACEPOINT, &chain, 0);
	return JT_PASS_ON;
}

SEC("?tp")
int jt_chain(void *ctx)
{
	walk_chain(ctx, &chain, 0);
	return JT_PASS_ON;
}

SEC("?raw_tp")
int jt_raw_event_chain(void *ctx)
{
	return event_chain(ctx, JT_ENTRY_RAW, &raw_chain, 0);
}

SEC("?raw_tp")
int jt_raw_chain(void *ctx)
{
	return walk_chain(ctx, &raw_chain, 0);
}

/* At functions of system calls: each has a copy of jt_call, which goes on with one of these. */
SEC("?fentry")
int jt_call(void *ctx)
{
	return go_to_event(ctx);
}

SEC("?fentry")
int jt_call_event_chain(void *ctx)
{
	return event_chain(ctx, JT_ENTRY_CALL, &call_programs, 1);
}

SEC("?fentry")
int jt_call_chain(void *ctx)
{
	return walk_chain(ctx, &call_programs, 1);
}

/* --attach raw: at the begin, and at the end, of all calls. */
SEC("?raw_tp")
int jt_raw_begin(void *ctx)
{
	return event(ctx, JT_ENTRY_BEGIN);
}

SEC("?raw_tp")
int jt_raw_end(void *ctx)
{
	return event(ctx, JT_ENTRY_END);
}

SEC("?raw_tp")
int jt_raw_begin_chain(void *ctx)
{
	return event_chain(ctx, JT_ENTRY_BEGIN, &raw_chain, 0);
}

SEC("?raw_tp")
int jt_raw_end_chain(void *ctx)
{
	return event_chain(ctx, JT_ENTRY_END, &raw_chain, 0);
}

SEC("?raw_tp")
int jt_raw_note(__u64 *ctx)
{
	struct jt_raw_call *call = raw_call(begun_call_number(ctx));

	if (call && call->noted)
		begin_call((__u32)call->noted);
	return 0;
}

SEC("?raw_tp")
int jt_raw_mapped(__u64 *ctx)
{
	call_ended(ctx);
	return 0;
}

/* Notes when a call began whose latency is asked for. */
SEC("?tp")
int jt_call_begin(void *ctx)
{
	begin_call((__u32)attach_cookie(ctx));
	return JT_PASS_ON;
}

/* The event that ends what is held. */
SEC("?tp")
int jt_held_end(void *ctx)
{
	end_held(ctx);
	return JT_PASS_ON;
}

static long end_next_descriptor(__u32 fd, void *data)
{
	return end_descriptor(fd, data);
}

/* What a target that ends has not closed; before jt_exit, which forgets it. */
SEC("?raw_tp")
int jt_exit_open(void *ctx)
{
	struct jt_exiting exiting = {};

	if (takes_descriptors_along(&exiting))
		bpf_loop(JT_MAX_FDS, end_next_descriptor, &exiting, 0);
	return 0;
}

SEC("?raw_tp")
int jt_exit_open_few(void *ctx)
{
	struct jt_exiting exiting = {};
	__u32 fd;

	if (!takes_descriptors_along(&exiting))
		return 0;
	if (exiting.table.max_fds > JT_FEW_FDS)
		bump(JT_COUNTER_FDS_UNSEEN);
	for (fd = 0; fd < JT_FEW_FDS; fd++) {
		if (end_descriptor(fd, &exiting))
			break;
	}
	return 0;
}

/* Each open file of each process, when the trace ends. */
SEC("?iter/task_file")
int jt_open_files(struct bpf_iter__task_file *ctx)
{
	const struct task_struct *task = ctx->task;
	__u64 file;

	/* As a number: a pointer cannot be handed to a global function. */
	if (task && !bpf_probe_read_kernel(&file, sizeof(file), &ctx->file))
		jt_end_descriptor(task->tgid, ctx->fd, file);
	return 0;
}

SEC("tp/syscalls/sys_enter_mmap")
int jt_enter_mmap(struct syscall_trace_enter *ctx)
{
	mapping_enter(ctx);
	return JT_PASS_ON;
}

SEC("tp/syscalls/sys_exit_mmap")
int jt_exit_mmap(struct syscall_trace_exit *ctx)
{
	mapping_exit(ctx, true);
	return JT_PASS_ON;
}

SEC("tp/syscalls/sys_enter_mprotect")
int jt_enter_mprotect(struct syscall_trace_enter *ctx)
{
	mapping_enter(ctx);
	return JT_PASS_ON;
}

SEC("tp/syscalls/sys_exit_mprotect")
int jt_exit_mprotect(struct syscall_trace_exit *ctx)
{
	mapping_exit(ctx, false);
	return JT_PASS_ON;
}

SEC("tp/syscalls/sys_enter_mremap")
int jt_enter_mremap(struct syscall_trace_enter *ctx)
{
	mremap_enter(ctx);
	return JT_PASS_ON;
}

SEC("tp/syscalls/sys_exit_mremap")
int jt_exit_mremap(struct syscall_trace_exit *ctx)
{
	mapping_exit(ctx, false);
	return JT_PASS_ON;
}

/* The same by the calls' functions (fexit): not even their begins are needed. */
SEC("?fexit/__x64_sys_mmap")
int jt_made_mmap(__u64 *ctx)
{
	return mapping_made(ctx, true);
}

SEC("?fexit/__x64_sys_mprotect")
int jt_made_mprotect(__u64 *ctx)
{
	return mapping_made(ctx, false);
}

SEC("?fexit/__x64_sys_mremap")
int jt_made_mremap(void *ctx)
{
	return mremap_made();
}

/* Raw tracepoints: no program that happens to run on this CPU keeps them from running
 * (bpf_prog_active), and the fork's says who made whom. */
SEC("raw_tp/sched_process_exec")
int jt_exec(void *ctx)
{
	return process_exec();
}

SEC("raw_tp/sched_process_fork")
int jt_fork(struct bpf_raw_tracepoint_args *ctx)
{
	return process_fork((const struct task_struct *)ctx->args[0],
	                    (const struct task_struct *)ctx->args[1]);
}

SEC("raw_tp/sched_process_exit")
int jt_exit(void *ctx)
{
	return process_exit();
}
