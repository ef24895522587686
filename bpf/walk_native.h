/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A step through native code by the binary's own call frame information. */
#ifndef JTRACE_WALK_NATIVE_H
#define JTRACE_WALK_NATIVE_H

#include "walk_join.h"

/* The CFA by the rule. Returns 0, or the status that ends the walk. */
static JT_INLINE __u32 jt_cfa(jt_env_t env, struct jt_walk *w, const struct jt_rule *rule,
                              __u64 *cfa)
{
	__u64 base = w->regs.sp;

	switch (rule->cfa_kind) {
	case JT_CFA_RSP:
	case JT_CFA_CLONE:
		break;
	case JT_CFA_RBP:
	case JT_CFA_DEREF_RBP:
		if (!w->fp_known)
			return JT_STATUS_CFA;
		jt_used_fp(env, w);
		base = w->regs.fp;
		break;
	case JT_CFA_RBX:
		if (!w->bx_known)
			return JT_STATUS_CFA;
		jt_used_bx(env, w);
		base = w->regs.bx;
		break;
	case JT_CFA_DEREF_RSP:
		break;
	case JT_CFA_PLT:
		*cfa = base + 8 + ((w->regs.pc & 15) >= (__u64)rule->cfa_off ? 8 : 0);
		return 0;
	case JT_CFA_OTHER:
		return JT_STATUS_CFA;
	default:
		return JT_STATUS_NO_CFI;
	}
	*cfa = base + (__s64)rule->cfa_off;
	if (rule->cfa_kind == JT_CFA_DEREF_RBP || rule->cfa_kind == JT_CFA_DEREF_RSP) {
		if (jt_read_stack(env, 8, *cfa))
			return JT_STATUS_READ_FAULT;
		jt_used_word(env, *cfa, jt_u64_at(w, 0));
		*cfa = jt_u64_at(w, 0) + (__s64)rule->cfa_add;
	}
	return 0;
}

/*
 * The registers that a signal interrupted: rt_sigframe of arch/x86 after its first word (the
 * return address into the trampoline) was popped: ucontext at rsp, gregs at + 40 (r8 first).
 */
static JT_INLINE int jt_step_signal(jt_env_t env, struct jt_walk *w)
{
	/* r13 at 80, rbp 120, rbx 128, rax 144, rsp 160, rip 168 */
	if (jt_read_stack(env, 96, w->regs.sp + 80))
		return jt_end(w, JT_STATUS_READ_FAULT);
	jt_used_word(env, w->regs.sp + 160, jt_u64_at(w, 80));
	jt_used_word(env, w->regs.sp + 168, jt_u64_at(w, 88));
	jt_loaded_fp(env, w->regs.sp + 120);
	jt_loaded_bx(env, w->regs.sp + 128);
	/* An alternate signal stack lies anywhere: only the alignment can be checked. */
	w->regs.r13 = jt_u64_at(w, 0);
	w->regs.fp = jt_u64_at(w, 40);
	w->regs.bx = jt_u64_at(w, 48);
	w->regs.ax = jt_u64_at(w, 64);
	w->regs.sp = jt_u64_at(w, 80);
	w->regs.pc = jt_u64_at(w, 88);
	w->fp_known = 1;
	w->bx_known = 1;
	w->exact = 1;
	return JT_GO_ON;
}

/* A register saved at base + off; SAME keeps it. Words near the CFA are in buf already. */
static JT_INLINE int jt_saved(jt_env_t env, struct jt_walk *w, __u64 base, __s32 off, __u32 window,
                              __u64 *value)
{
	if (window && off < 0 && (__u32)-off <= window) {
		*value = jt_u64_at(w, window - (__u32)-off);
		return 0;
	}
	return jt_read(env, value, 8, base + (__s64)off);
}

/*
 * The words that most rules need lie within the 7 below the CFA: one read for all of them, from the
 * lowest on. No further down, since what lies below sp may be on a page that never was touched.
 */
#define JT_SAVED_WINDOW 56

static JT_INLINE __u32 jt_window(const struct jt_rule *rule)
{
	__s32 low = rule->ra_off;
	__u32 window;

	if (!(rule->flags & JT_RULE_SAVED_AT_RBP)) {
		/* JT_REG_SAME and JT_REG_UNKNOWN are above any offset. */
		if (rule->rbp_off < low)
			low = rule->rbp_off;
		if (rule->rbx_off < low)
			low = rule->rbx_off;
	}
	window = (__u32)-low;
	return window > JT_SAVED_WINDOW ? JT_SAVED_WINDOW : window;
}

static JT_INLINE int jt_apply_rule(jt_env_t env, struct jt_walk *w, const struct jt_rule *rule,
                                   __u64 cfa)
{
	__u64 fp = w->regs.fp, bx = w->regs.bx, pc, base = cfa;
	__u32 window = jt_window(rule), known = w->bx_known;

	/* Kernels up to 6.12 lose the bound between its 32-bit check and its 64-bit use. */
	jt_opaque(window);
	window &= JT_SAVED_WINDOW | 7;
	if (jt_read_stack(env, window, cfa - window))
		return jt_end(w, JT_STATUS_READ_FAULT);
	if (jt_saved(env, w, cfa, rule->ra_off, window, &pc))
		return jt_end(w, JT_STATUS_READ_FAULT);
	jt_used_word(env, cfa + (__s64)rule->ra_off, pc);
	if (rule->flags & JT_RULE_SAVED_AT_RBP) {
		if (!w->fp_known)
			return jt_end(w, JT_STATUS_CFA);
		jt_used_fp(env, w);
		base = w->regs.fp;
		window = 0;
	}
	if (rule->rbp_off == JT_REG_UNKNOWN)
		w->fp_known = 0;
	else if (rule->rbp_off != JT_REG_SAME || (rule->flags & JT_RULE_SAVED_AT_RBP)) {
		if (jt_saved(env, w, base, rule->rbp_off, window, &fp))
			return jt_end(w, JT_STATUS_READ_FAULT);
		jt_loaded_fp(env, base + (__s64)rule->rbp_off);
		w->fp_known = 1;
	}
	if (rule->rbx_off == JT_REG_UNKNOWN)
		known = 0;
	else if (rule->rbx_off != JT_REG_SAME) {
		if (jt_saved(env, w, base, rule->rbx_off, window, &bx))
			return jt_end(w, JT_STATUS_READ_FAULT);
		jt_loaded_bx(env, base + (__s64)rule->rbx_off);
		known = 1;
	}
	w->regs.bx = bx;
	w->bx_known = known;
	return jt_up(w, pc, cfa, fp);
}

#define JT_MAX_LEAF 4096

/*
 * Interrupted in code that says nothing of its frame: HotSpot's few functions in assembler
 * (SpinPause, _Copy_*), which have none. Believed only where the word at sp is the address behind a
 * call of the very function that pc is in.
 */
static JT_INLINE int jt_step_bare(jt_env_t env, struct jt_walk *w)
{
	__u64 back, target;

	if (!w->exact || jt_read(env, &back, 8, w->regs.sp) ||
	    jt_read_code(env, w->buf, 8, back - 8))
		return jt_end(w, JT_STATUS_NO_CFI);
	/* call rel32 */
	target = back + (__s64)(__s32)jt_u32_at(w, 4);
	if (w->buf[3] != 0xe8 || target > w->regs.pc || w->regs.pc - target >= JT_MAX_LEAF)
		return jt_end(w, JT_STATUS_NO_CFI);
	jt_used_more(env);
	return jt_up(w, back, w->regs.sp + 8, w->regs.fp);
}

/* glibc's vfork pops its return address into rdi, which the system call keeps: its child, which has
 * the same stack, would overwrite it. */
static JT_INLINE int jt_step_in_rdi(jt_env_t env, struct jt_walk *w, const struct jt_rule *rule)
{
	if (w->record.key.frames != 1)
		return jt_end(w, JT_STATUS_CFA);
	jt_used_more(env);
	w->regs.pc = w->regs.di;
	w->regs.sp += (__s64)rule->cfa_off;
	w->exact = 0;
	return JT_GO_ON;
}

/* Has this code no caller? A new thread begins behind the system call that made it. */
static JT_INLINE int jt_is_end(const struct jt_walk *w, const struct jt_rule *rule)
{
	if (rule->cfa_kind == JT_CFA_CLONE)
		return w->record.key.frames == 1 && w->regs.ax == 0;
	return rule->cfa_kind == JT_CFA_END;
}

JT_WALK_FN int jt_step_native(jt_env_t env)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_range *r;
	const struct jt_rule *rule;
	__u64 cfa = 0;
	__u32 status;

	if (!w)
		return JT_STOP;
	r = jt_range_at(env, w->range);
	if (!r)
		return jt_end(w, JT_STATUS_MAPPING);
	if (jt_push(w, JT_FRAME_NATIVE, w->regs.pc, r->mapping))
		return jt_end(w, JT_STATUS_DEPTH);
	rule = jt_rule_at(env, w->rule);
	jt_cost(JT_COUNTER_COST_NATIVE, 1);
	if (!rule || rule->cfa_kind == JT_CFA_INVALID)
		return jt_step_bare(env, w);
	/* Where a new thread begins is told by rax. */
	if (rule->cfa_kind == JT_CFA_CLONE && w->record.key.frames == 1)
		jt_used_more(env);
	if (jt_is_end(w, rule)) {
		if (jt_join_maker(env, w))
			return JT_GO_ON;
		return jt_end(w, w->unproven ? JT_STATUS_UNPROVEN
		                 : w->gap    ? JT_STATUS_GAP
		                 : w->frozen ? JT_STATUS_FROZEN
		                             : JT_STATUS_COMPLETE);
	}
	if (rule->cfa_kind == JT_CFA_SIGNAL)
		return jt_step_signal(env, w);
	if (rule->cfa_kind == JT_CFA_IN_RDI)
		return jt_step_in_rdi(env, w, rule);
	if (rule->cfa_kind == JT_CFA_FRAMES)
		return JT_BY_RBP;
	status = jt_cfa(env, w, rule, &cfa);
	if (status)
		return jt_end(w, status);
	return jt_apply_rule(env, w, rule, cfa);
}

#endif
