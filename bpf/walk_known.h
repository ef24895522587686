/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What was found of a return address before. Most frames, native and compiled, need no more of it
 * than how far up the next one is: then a step is one look-up and two words of the stack.
 */
#ifndef JTRACE_WALK_KNOWN_H
#define JTRACE_WALK_KNOWN_H

#define JT_MAX_KNOWN_WORDS 255 /* below the CFA */

static JT_INLINE int jt_is_known(const struct jt_known_pc *known, const struct jt_walk *w, __u64 pc)
{
	return known && known->pc == pc && known->tables == w->tables &&
	       known->first_range == w->target.first_range && known->ranges == w->target.ranges;
}

static JT_INLINE void jt_know(struct jt_known_pc *known, const struct jt_walk *w, __u64 pc,
                              __u64 block, __u32 id)
{
	known->pc = pc;
	known->tables = w->tables;
	known->first_range = w->target.first_range;
	known->ranges = w->target.ranges;
	known->range = w->range;
	known->rule = w->rule;
	known->step = JT_KNOWN_NONE;
	known->block = block;
	known->id = id;
}

/* A register that lies at the CFA + off, or is unchanged; 256: neither. */
static JT_INLINE __u32 jt_known_words(__s32 off)
{
	if (off == JT_REG_SAME)
		return 0;
	if (off >= 0 || off < -8 * JT_MAX_KNOWN_WORDS || (off & 7))
		return JT_MAX_KNOWN_WORDS + 1;
	return (__u32)-off / 8;
}

/* A return address in native code whose rule is one of most. */
static JT_INLINE void jt_know_native(jt_env_t env, const struct jt_walk *w,
                                     struct jt_known_pc *known, const struct jt_range *r)
{
	const struct jt_rule *rule = jt_rule_at(env, w->rule);
	__u32 fp, bx;

	if (!rule || (rule->cfa_kind != JT_CFA_RSP && rule->cfa_kind != JT_CFA_RBP) ||
	    rule->flags || rule->ra_off != -8)
		return;
	fp = jt_known_words(rule->rbp_off);
	bx = jt_known_words(rule->rbx_off);
	if (fp > JT_MAX_KNOWN_WORDS || bx > JT_MAX_KNOWN_WORDS)
		return;
	known->by_fp = rule->cfa_kind == JT_CFA_RBP;
	known->cfa_off = rule->cfa_off;
	known->fp_words = fp;
	known->bx_words = bx;
	known->info = r->mapping;
	known->mixed = jt_mix_frame(w, JT_FRAME_WHERE(JT_FRAME_NATIVE, 0, w->regs.pc), r->mapping);
	known->step = JT_KNOWN_NATIVE;
}

/* Sets range and rule, by what was found of this pc before, else by the tables. */
static JT_INLINE void jt_locate(jt_env_t env, struct jt_walk *w, struct jt_known_pc *known,
                                __u64 pc)
{
	const struct jt_range *r;

	if (jt_is_known(known, w, pc)) {
		w->range = known->range;
		w->rule = known->rule;
		return;
	}
	jt_look_up(env, pc);
	if (!known)
		return;
	jt_know(known, w, pc, 0, 0);
	r = jt_range_at(env, w->range);
	if (!w->exact && r && r->kind == JT_RANGE_NATIVE)
		jt_know_native(env, w, known, r);
}

/*
 * What counts the times that the process's JVM may have freed code, as it was when the event's walk
 * first asked; 0: there is none. It only grows, so what was read of code behind it holds until it
 * changes.
 */
JT_WALK_FN __u64 jt_code_epoch(jt_env_t env)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_hotspot *vm;
	__u64 epoch;

	if (!w)
		return 0;
	if (w->epoch == JT_ASK_EPOCH) {
		vm = jt_jvm_of(env, w);
		w->epoch = 0;
		if (vm && vm->code_epoch &&
		    !jt_read_code(env, &epoch, sizeof(epoch), vm->code_epoch))
			w->epoch = epoch + 1; /* 0 is none: count from 1 */
	}
	return w->epoch;
}

/* What the step took off the stack, for who remembers it. */
static JT_INLINE void jt_used_known(jt_env_t env, const struct jt_walk *w,
                                    const struct jt_known_pc *known, __u64 cfa, __u64 pc)
{
	const struct jt_hotspot *vm;

	if (known->by_fp)
		jt_used_fp(env, w);
	jt_used_word(env, cfa - 8, pc);
	if (known->fp_words)
		jt_loaded_fp(env, cfa - 8 * (__u64)known->fp_words);
	if (known->bx_words)
		jt_loaded_bx(env, cfa - 8 * (__u64)known->bx_words);
	vm = known->step == JT_KNOWN_COMPILED ? jt_jvm_of(env, w) : NULL;
	if (vm)
		jt_used_code(env, known->block + vm->block_header + vm->off_compile_id, known->id);
}

/* The whole step, where all of it is known. Returns 0 where it has to be made by other means, with
 * range and rule set. */
static JT_INLINE int jt_step_known(jt_env_t env, struct jt_walk *w, __u64 at)
{
	struct jt_known_pc *known = jt_known_pc_at(env, w, at);
	__u64 fp = w->regs.fp, bx = w->regs.bx, cfa, pc;
	jt_stack_t stack = jt_stack(env);
	__u32 kind;

	jt_locate(env, w, known, at);
	if (!known || known->step == JT_KNOWN_NONE || w->exact || w->heap_end ||
	    (known->by_fp && !w->fp_known))
		return 0;
	if (known->step == JT_KNOWN_COMPILED &&
	    known->epoch != (w->epoch == JT_ASK_EPOCH ? jt_code_epoch(env) : w->epoch))
		return 0;
	cfa = (known->by_fp ? fp : w->regs.sp) + (__s64)known->cfa_off;
	if (cfa <= w->regs.sp || (cfa & 7) || jt_stack_word(env, w, stack, cfa - 8, &pc))
		return 0;
	if (known->fp_words && jt_stack_word(env, w, stack, cfa - 8 * (__u64)known->fp_words, &fp))
		return 0;
	if (known->bx_words && jt_stack_word(env, w, stack, cfa - 8 * (__u64)known->bx_words, &bx))
		return 0;
	kind = known->step == JT_KNOWN_NATIVE ? JT_FRAME_NATIVE : JT_FRAME_COMPILED;
	if (jt_push_mixed(w, JT_FRAME_WHERE(kind, 0, w->regs.pc), known->info, known->mixed))
		return 0;
	if (kind == JT_FRAME_NATIVE)
		jt_cost(JT_COUNTER_COST_NATIVE, 1);
	else
		w->bx_known = 0; /* Java code keeps no register over a call but rbp and rsp */
	if (jt_remembers(w))
		jt_used_known(env, w, known, cfa, pc);
	if (known->fp_words)
		w->fp_known = 1;
	if (known->bx_words)
		w->bx_known = 1;
	w->regs.pc = pc;
	w->regs.sp = cfa;
	w->regs.fp = fp;
	w->regs.bx = bx;
	return 1;
}

#endif
