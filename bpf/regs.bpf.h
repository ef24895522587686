/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The user's registers at the last entry into the kernel; they lie at the top of its stack. */
#pragma once

#define JT_USER_CS 0x33 /* x86-64; 0x23 is a 32-bit process */

static __always_inline long saved_registers(struct pt_regs *regs)
{
	const void *at;

	if (cfg.has_task_pt_regs) {
		at = (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	} else {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();
		void *stack = BPF_CORE_READ(task, stack);

		at = stack + cfg.regs_offset;
	}
	return bpf_probe_read_kernel(regs, sizeof(*regs), at);
}

/* Not by the function's own argument: where a kernel's types do not say what pt_regs are, it cannot
 * be read (5.10, half of the calls). */
static __always_inline __u64 saved_call_number(void)
{
	const struct pt_regs *regs;
	__u64 number = -1;

	if (cfg.has_task_pt_regs) {
		regs = (const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
		number = regs->orig_ax;
	} else {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();
		void *stack = BPF_CORE_READ(task, stack);

		bpf_probe_read_kernel(&number, sizeof(number),
		                      stack + cfg.regs_offset + offsetof(struct pt_regs, orig_ax));
	}
	return number;
}

#define JT_TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h */

/* Whether the call under way is a 32-bit one, of whatever process. */
static __always_inline bool is_compat_call(void)
{
	struct task_struct *task;

	if (cfg.has_task_pt_regs)
		return bpf_get_current_task_btf()->thread_info.status & JT_TS_COMPAT;
	task = (struct task_struct *)bpf_get_current_task();
	return BPF_CORE_READ(task, thread_info.status) & JT_TS_COMPAT;
}

static __always_inline void take_regs(struct jt_regs *to, const struct pt_regs *regs)
{
	to->pc = regs->ip;
	to->sp = regs->sp;
	to->fp = regs->bp;
	to->bx = regs->bx;
	to->r13 = regs->r13;
	to->ax = regs->ax;
	to->di = regs->di;
}

/* Fills the walk's first registers. Returns 0, or the status of a stack that cannot be walked. */
__noinline int jt_user_regs(__u32 env)
{
	struct jt_walk *w = jt_walk_of(env);
	struct pt_regs regs;

	if (!w || saved_registers(&regs))
		return JT_STATUS_NO_REGS;
	if ((regs.cs & 3) != 3)
		return JT_STATUS_NO_USER;
	if (regs.cs != JT_USER_CS)
		return JT_STATUS_COMPAT;
	/* An io_uring worker never was in user space (arch/x86/kernel/process.c, PF_IO_WORKER). */
	if (!regs.ip && !regs.sp)
		return JT_STATUS_NO_USER;
	take_regs(&w->first, &regs);
	/* In a system call pc is behind the instruction, as a return address is. */
	w->exact = (long)regs.orig_ax < 0;
	w->first_exact = w->exact;
	return 0;
}
