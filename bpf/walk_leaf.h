/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Java code that was interrupted: by a page fault, a timer, a signal. Its frame may be half made or
 * half gone, so where the return address lies is told by the instructions around pc, as HotSpot's
 * assemblers write them (macroAssembler_x86.cpp verified_entry, c1_MacroAssembler_x86.cpp
 * build_frame, x86_64.ad MachEpilog). What is found must be a return address into the code cache,
 * which the caller of any Java frame is in; else the walk ends here, and says so.
 */
#ifndef JTRACE_WALK_LEAF_H
#define JTRACE_WALK_LEAF_H

#define JT_CODE_AT    40 /* where pc is in the copied code */
#define JT_CODE_BYTES 56

/* How much of the frame is there. */
enum jt_frame_state {
	JT_FRAME_WHOLE = 0,
	JT_FRAME_RETURN = 1,  /* return address at sp, rbp is the caller's */
	JT_FRAME_PUSHED = 2,  /* rbp at sp, return address above */
	JT_FRAME_UNSAVED = 3, /* allocated, rbp still is the caller's */
};

/* push rbp, pop rbp, ret, leave; sub rsp, mov rbp,rsp, add rsp: opcode and ModRM, without REX.W */
#define JT_OP_PUSH_RBP 0x55
#define JT_OP_POP_RBP  0x5d
#define JT_OP_RET      0xc3
#define JT_OP_LEAVE    0xc9
#define JT_OP_MOV_FP   0xec8b48

static JT_INLINE int jt_is_sub_sp(__u32 code)
{
	code &= 0xffffff;
	return code == 0xec8148 || code == 0xec8348;
}

/* mov [rsp + n], rbp: how C2 saves it in a method without a stack bang. */
static JT_INLINE int jt_is_save_fp(__u32 code)
{
	return code == 0x246c8948 || code == 0x24ac8948;
}

/*
 * What stands between `pop rbp` and `ret`: the poll of a return. JDK 8 test eax,[rip]; 10 to 15
 * mov r10,[r15+n]; test eax,[r10]; 16 on cmp rsp,[r15+n]; ja. Or a jump to a stub.
 */
static JT_INLINE int jt_is_after_pop(__u32 code)
{
	__u32 two = code & 0xffff, three = code & 0xffffff;

	return two == 0x0585 || three == 0x978b4d || three == 0x673b49 || three == 0xa73b49 ||
	       (code & 0xff) == 0xe9;
}

/* A later instruction of the poll: the one before it begins 7 or 4 bytes back. Loops poll by the
 * same test, but go on behind it. */
static JT_INLINE int jt_is_in_poll(const struct jt_walk *w, __u32 code)
{
	__u32 far = jt_u32_at(w, JT_CODE_AT - 7) & 0xffffff;
	__u32 near = jt_u32_at(w, JT_CODE_AT - 4) & 0xffffff;

	if (code == 0xc3028541)
		return far == 0x978b4d || near == 0x578b4d;
	if ((code & 0xffff) == 0x870f)
		return far == 0xa73b49 || near == 0x673b49;
	return 0;
}

/* Has an instruction before pc, not further back than `from` bytes, taken room on the stack? */
static JT_INLINE int jt_has_sub_sp(const struct jt_walk *w, __u32 from)
{
	__u32 i;

	for (i = 0; i < JT_CODE_AT - 3; i++) {
		if (i + from >= JT_CODE_AT && jt_is_sub_sp(jt_u32_at(w, i)))
			return 1;
	}
	return 0;
}

/* `into`: bytes from the start of the method's code to pc; the code around pc is in buf. */
static JT_INLINE enum jt_frame_state jt_method_state(const struct jt_walk *w, __u32 into,
                                                     __u32 complete)
{
	__u32 code = jt_u32_at(w, JT_CODE_AT), before = jt_u32_at(w, JT_CODE_AT - 4);
	__u32 byte = code & 0xff, last = before >> 24;

	if (!into)
		return JT_FRAME_RETURN; /* what lies before is none of its code */
	/* Also behind the first prologue: on-stack replacement enters C1 code by one of its own. */
	if ((code & 0xffffff) == JT_OP_MOV_FP && last == JT_OP_PUSH_RBP)
		return JT_FRAME_PUSHED;
	if (jt_is_sub_sp(code)) {
		if (last == JT_OP_PUSH_RBP)
			return JT_FRAME_PUSHED;
		if (before >> 8 == JT_OP_MOV_FP)
			return JT_FRAME_PUSHED;
	}
	if (byte == JT_OP_POP_RBP)
		return JT_FRAME_PUSHED;
	if (byte == JT_OP_RET)
		return JT_FRAME_RETURN;
	if ((last == JT_OP_POP_RBP || last == JT_OP_LEAVE) && jt_is_after_pop(code))
		return JT_FRAME_RETURN;
	if (jt_is_in_poll(w, code))
		return JT_FRAME_RETURN;
	if (into >= complete)
		return JT_FRAME_WHOLE;
	if (jt_is_save_fp(code))
		return JT_FRAME_UNSAVED;
	return jt_has_sub_sp(w, into) ? JT_FRAME_WHOLE : JT_FRAME_RETURN;
}

/* Generated code without a frame size: most of it pushes rbp, adapters and vtable stubs do not. */
static JT_INLINE enum jt_frame_state jt_stub_state(const struct jt_walk *w)
{
	__u32 code = jt_u32_at(w, JT_CODE_AT), before = jt_u32_at(w, JT_CODE_AT - 4);
	__u32 byte = code & 0xff, last = before >> 24;

	if ((code & 0xffffff) == JT_OP_MOV_FP && last == JT_OP_PUSH_RBP)
		return JT_FRAME_PUSHED;
	if (byte == JT_OP_PUSH_RBP || byte == JT_OP_RET || last == JT_OP_LEAVE)
		return JT_FRAME_RETURN;
	return byte == JT_OP_POP_RBP ? JT_FRAME_PUSHED : JT_FRAME_WHOLE;
}

/* Is it an address in the JVM's code cache? */
static JT_INLINE int jt_is_code(const struct jt_hotspot *vm, __u64 address)
{
	__u32 i;

	for (i = 0; i < JT_MAX_HEAPS; i++) {
		if (address >= vm->heaps[i].low && address < vm->heaps[i].high)
			return 1;
	}
	return 0;
}

/* To the caller whose return address is the word at `at`; rbp from the word below it if `saved`. */
static JT_INLINE int jt_leave(jt_env_t env, struct jt_walk *w, const struct jt_hotspot *vm,
                              __u64 at, int saved)
{
	__u64 fp = w->regs.fp;

	if (jt_read(env, w->buf, 16, saved ? at - 8 : at))
		return jt_end(w, JT_STATUS_READ_FAULT);
	if (!jt_is_code(vm, jt_u64_at(w, saved ? 8 : 0)))
		return jt_end(w, JT_STATUS_BAD_FRAME);
	if (saved) {
		fp = jt_u64_at(w, 0);
		jt_loaded_fp(env, at - 8);
	}
	jt_used_word(env, at, jt_u64_at(w, saved ? 8 : 0));
	return jt_up(w, jt_u64_at(w, saved ? 8 : 0), at + 8, fp);
}

/*
 * A stub past its first instructions. Those with a frame size push rbp, too, and then save
 * registers without saying when they are done (C1's Runtime1: frame_never_safe). Of the others the
 * return address is at sp (adapters, vtable stubs), or they pushed rbp and it is above that, or it
 * is an adapter that moves the arguments: return address in rax, the caller's sp in r13
 * (sharedRuntime_x86_64.cpp gen_c2i_adapter).
 */
static JT_INLINE int jt_leave_stub(jt_env_t env, struct jt_walk *w, const struct jt_hotspot *vm,
                                   __s32 words)
{
	__u64 sp = w->regs.sp, fp = w->regs.fp, size = (__u64)(__u32)words * 8;

	if (words > 0 && words <= JT_MAX_FRAME_WORDS) {
		if (fp - sp < size && !jt_read(env, w->buf, 16, fp) &&
		    jt_is_code(vm, jt_u64_at(w, 8))) {
			jt_used_fp(env, w);
			return jt_leave(env, w, vm, fp + 8, 1);
		}
		if (!jt_read(env, w->buf, 8, sp + size - 8) && jt_is_code(vm, jt_u64_at(w, 0)))
			return jt_leave(env, w, vm, sp + size - 8, 1);
	}
	if (fp != sp && !jt_read(env, w->buf, 8, sp) && jt_is_code(vm, jt_u64_at(w, 0)))
		return jt_leave(env, w, vm, sp, 0);
	if (fp >= sp && fp - sp < JT_MAX_STUB_FRAME && !jt_read(env, w->buf, 16, fp) &&
	    jt_is_code(vm, jt_u64_at(w, 8))) {
		jt_used_fp(env, w);
		return jt_leave(env, w, vm, fp + 8, 1);
	}
	if (!jt_is_code(vm, w->regs.ax) || w->regs.r13 - sp > JT_MAX_STUB_FRAME)
		return jt_end(w, JT_STATUS_BAD_FRAME);
	return jt_up(w, w->regs.ax, w->regs.r13, fp);
}

/*
 * Leaves the interrupted blob, whose frame was added already. `words`: its frame size; `into`:
 * bytes of its code before pc; `complete`: bytes of code that make the frame.
 */
JT_WALK_FN int jt_step_interrupted(jt_env_t env, __u32 kind, __s32 words, __u32 into,
                                   __u32 complete)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_range *r;
	const struct jt_hotspot *vm;
	enum jt_frame_state state;

	if (!w)
		return JT_STOP;
	r = jt_range_at(env, w->range);
	vm = r ? jt_jvm_at(env, r->jvm) : NULL;
	if (!vm)
		return jt_end(w, JT_STATUS_MAPPING);
	jt_used_more(env);
	if (jt_read_code(env, w->buf, JT_CODE_BYTES, w->regs.pc - JT_CODE_AT))
		return jt_end(w, JT_STATUS_READ_FAULT);
	if (kind == JT_FRAME_STUB || words <= 0)
		state = jt_stub_state(w);
	else
		state = jt_method_state(w, into, complete);
	if (state == JT_FRAME_RETURN)
		return jt_leave(env, w, vm, w->regs.sp, 0);
	if (state == JT_FRAME_PUSHED)
		return jt_leave(env, w, vm, w->regs.sp + 8, 1);
	if (kind == JT_FRAME_STUB || words <= 0)
		return jt_leave_stub(env, w, vm, words);
	if (words > JT_MAX_FRAME_WORDS)
		return jt_end(w, JT_STATUS_BAD_FRAME);
	return jt_leave(env, w, vm, w->regs.sp + (__u64)(__u32)words * 8 - 8,
	                state == JT_FRAME_WHOLE);
}

#endif
