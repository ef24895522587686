/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Generated code that is no method and does not tell the size of its frame. */
#ifndef JTRACE_WALK_STUB_H
#define JTRACE_WALK_STUB_H

/* "I2C/C2I ", as an adapter's name begins: little-endian. */
#define JT_ADAPTER_NAME 0x204932432f433249ULL

/*
 * An adapter that calls C, to have its caller's call patched, saves all registers and has no frame
 * of its own (gen_c2i_adapter, MacroAssembler::push_CPU_state): above `state` bytes for the FPU's
 * lie those of pusha, r13 the third, which is sp as it was, at the return address; rbp is the
 * caller's still. sp was aligned before, so that r13 tells whether it is the right place.
 */
static JT_INLINE __u64 jt_adapter_sp(jt_env_t env, struct jt_walk *w, __u32 state)
{
	__u64 r13;

	if (jt_read(env, &r13, 8, w->regs.sp + state + 16))
		return 0;
	if ((r13 & ~15ULL) != w->regs.sp + state + 144)
		return 0;
	return r13;
}

/* A frame whose size its blob does not tell; `name`: of the blob. */
JT_WALK_FN int jt_step_unsized(jt_env_t env, __u64 name)
{
	struct jt_walk *w = jt_walk_of(env);
	__u64 fp, at, text = 0;
	__u32 ra = 8;

	if (!w)
		return JT_STOP;
	if (!jt_read_code(env, &text, 8, name) && text == JT_ADAPTER_NAME) {
		jt_used_more(env);
		at = jt_adapter_sp(env, w, 512); /* JDK 8 */
		if (!at)
			at = jt_adapter_sp(env, w, 2688); /* 9 on: room for AVX-512 */
		if (!at)
			return jt_end(w, JT_STATUS_BAD_FRAME);
		if (jt_read(env, w->buf, 8, at))
			return jt_end(w, JT_STATUS_READ_FAULT);
		return jt_up(w, jt_u64_at(w, 0), at + 8, w->regs.fp);
	}
	/* C1's Runtime1 (-1), StubRoutines (0): they push rbp. */
	if (!w->fp_known)
		return jt_end(w, JT_STATUS_CFA);
	fp = w->regs.fp;
	if (fp < w->regs.sp || fp - w->regs.sp > JT_MAX_STUB_FRAME)
		return jt_end(w, JT_STATUS_BAD_FRAME);
	if (jt_read(env, w->buf, 24, fp))
		return jt_end(w, JT_STATUS_READ_FAULT);
	/* The barrier at an nmethod's entry pushes -1 before rbp, a place for the new sp of a
	 * method that is not entered (generate_method_entry_barrier, JDK 14 on). */
	if (jt_u64_at(w, 8) == ~0ULL)
		ra = 16;
	jt_used_fp(env, w);
	if (ra == 16)
		jt_used_word(env, fp + 8, ~0ULL);
	jt_used_word(env, fp + ra, jt_u64_at(w, ra));
	jt_loaded_fp(env, fp);
	return jt_up(w, jt_u64_at(w, ra), fp + ra + 8, jt_u64_at(w, 0));
}

#endif
