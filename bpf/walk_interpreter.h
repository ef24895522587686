/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A step through a frame of the template interpreter. */
#ifndef JTRACE_WALK_INTERPRETER_H
#define JTRACE_WALK_INTERPRETER_H

/* x86-64 template interpreter: fixed slots below and above rbp, read whole: words -9 .. +1. */
#define JT_INTERPRETER_LOW   9
#define JT_INTERPRETER_WORDS 11

static JT_INLINE __u64 jt_slot(const struct jt_walk *w, __s32 word)
{
	return jt_u64_at(w, (__u32)(word + JT_INTERPRETER_LOW) * 8);
}

/*
 * The interpreter was interrupted while it makes or drops a method's frame: Method* in rbx, the
 * caller's sp in r13, the return address at sp or popped into rax (templateInterpreterGenerator
 * generate_normal_entry).
 */
static JT_INLINE int jt_step_interpreter_entry(jt_env_t env, struct jt_walk *w,
                                               const struct jt_hotspot *vm)
{
	__u64 pc = w->regs.ax;

	jt_used_more(env);
	if (!jt_read(env, w->buf, 8, w->regs.sp) && jt_is_code(vm, jt_u64_at(w, 0)))
		pc = jt_u64_at(w, 0);
	if (!jt_is_code(vm, pc) || w->regs.r13 - w->regs.sp > JT_MAX_INTERPRETER_FRAME)
		return jt_end(w, JT_STATUS_BAD_FRAME);
	if (jt_push(w, JT_FRAME_INTERPRETED, w->regs.bx, JT_NO_BCP))
		return jt_end(w, JT_STATUS_DEPTH);
	return jt_up(w, pc, w->regs.r13, w->regs.fp);
}

static JT_INLINE int jt_step_interpreted(jt_env_t env, struct jt_walk *w,
                                         const struct jt_hotspot *vm)
{
	__u64 fp = w->regs.fp, bcp, sender;

	if (!w->fp_known)
		return jt_end(w, JT_STATUS_CFA);
	if (fp < w->regs.sp || fp - w->regs.sp > JT_MAX_INTERPRETER_FRAME)
		return w->exact ? jt_step_interpreter_entry(env, w, vm)
		                : jt_end(w, JT_STATUS_BAD_FRAME);
	if (jt_read_stack(env, JT_INTERPRETER_WORDS * 8, fp - JT_INTERPRETER_LOW * 8))
		return jt_end(w, JT_STATUS_READ_FAULT);
	if (w->exact && (!jt_is_code(vm, jt_slot(w, 1)) || jt_slot(w, vm->slot_sender_sp) <= fp ||
	                 jt_slot(w, vm->slot_sender_sp) - fp > JT_MAX_INTERPRETER_FRAME))
		return jt_step_interpreter_entry(env, w, vm);
	/* While a method's bytecodes run, its bytecode pointer is in r13. */
	bcp = jt_slot(w, vm->slot_bcp);
	if (w->exact && bcp) {
		jt_used_more(env);
		bcp = w->regs.r13;
	}
	if (jt_push(w, JT_FRAME_INTERPRETED, jt_slot(w, vm->slot_method), bcp))
		return jt_end(w, JT_STATUS_DEPTH);
	jt_used_fp(env, w);
	jt_used_word(env, fp + 8, jt_slot(w, 1));
	jt_used_word(env, fp + (__s64)vm->slot_sender_sp * 8, jt_slot(w, vm->slot_sender_sp));
	jt_used_word(env, fp + (__s64)vm->slot_method * 8, jt_slot(w, vm->slot_method));
	jt_used_word(env, fp + (__s64)vm->slot_bcp * 8, jt_slot(w, vm->slot_bcp));
	jt_loaded_fp(env, fp);
	/* The sender's own sp: callee locals and adapters extend the frame above it. */
	sender = jt_slot(w, vm->slot_sender_sp);
	return jt_up(w, jt_slot(w, 1), jt_link(w, fp, sender), jt_link(w, fp, jt_slot(w, 0)));
}

#endif
