/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Code without call frame information whose frames are rbp frames: what V8 generates, and its
 * builtins, which lie in the file that V8 is in. Whatever of it calls has made its frame before
 * (push rbp; mov rbp, rsp), so that a return address in it is left by rbp. Code that was
 * interrupted may have none yet, none any more, or (builtins, WebAssembly) never one. What is found
 * must be a return address: in generated code of the process, or behind a call instruction.
 */
#ifndef JTRACE_WALK_FRAMES_H
#define JTRACE_WALK_FRAMES_H

#define JT_MAX_FRAMED 0x100000 /* V8's stack has 984 KiB */

#define JT_OP_RET_N   0xc2
#define JT_OP_MOV_FP2 0xe58948 /* mov rbp, rsp, as V8's assembler writes it */

/* Do the 8 bytes at `at` in buf end with a call: rel32, or by a register or a word in memory? */
static JT_INLINE int jt_ends_in_call(const struct jt_walk *w, __u32 at)
{
	__u64 code = jt_u64_at(w, at);
	__u8 two = (code >> 56) & 0xf8, three = (code >> 48) & 0xff, six = (code >> 24) & 0xff;
	__u8 four = (code >> 40) & 0xff, seven = (code >> 16) & 0xff;

	if (((code >> 24) & 0xff) == 0xe8)
		return 1;
	/* ff /2: its ModRM is 0xd0 to 0xd7, 0x10 to 0x17 (no displacement), 0x50 (8 bits), 0x90 */
	if (((code >> 48) & 0xff) == 0xff && (two == 0xd0 || two == 0x10))
		return 1;
	if (((code >> 40) & 0xff) == 0xff && ((three & 0xf8) == 0x50 || three == 0x14))
		return 1;
	if (((code >> 32) & 0xff) == 0xff && four == 0x54)
		return 1;
	if (((code >> 16) & 0xff) == 0xff && ((six & 0xf8) == 0x90 || six == 0x15))
		return 1;
	return ((code >> 8) & 0xff) == 0xff && seven == 0x94;
}

/*
 * Is it a return address? What V8 deoptimises returns to places that no call is before, so that in
 * generated code the place itself is enough, unless `called`. Overwrites buf: the code before it.
 */
JT_WALK_FN int jt_is_return(jt_env_t env, __u64 address, __u32 called)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_range *r;
	__u32 range;

	if (!w || !address)
		return 0;
	range = jt_find_range(env, address - 1);
	r = jt_range_at(env, range);
	/* Of a mapping that has just come nothing is known: the next step says so. */
	if (!r)
		return address > w->changed.lo && address <= w->changed.hi;
	if (!called && (r->kind == JT_RANGE_FRAMES || r->kind == JT_RANGE_HOTSPOT))
		return 1;
	if (jt_read_code(env, w->buf, 8, address - 8)) {
		/* Not there, or its process has ended: then nothing proves it. */
		w->unproven |= !called;
		return !called;
	}
	/* Continuations of deoptimised code are entered at their start: padding lies before it. */
	return jt_ends_in_call(w, 0) || (!called && w->buf[7] == 0xcc);
}

static JT_INLINE int jt_is_mov_fp(__u64 code)
{
	code &= 0xffffff;
	return code == JT_OP_MOV_FP || code == JT_OP_MOV_FP2;
}

/* Bytes of code before pc and from it on, in buf. */
#define JT_V8_BEFORE 16
#define JT_V8_AFTER  16
#define JT_V8_AHEAD  64

enum jt_leaf {
	JT_LEAF_FRAMED = 0,
	JT_LEAF_RETURN = 1, /* return address at sp */
	JT_LEAF_PUSHED = 2, /* rbp at sp, return address above */
	JT_LEAF_POPPED = 3, /* the return address is in a register */
	JT_LEAF_GONE = 4,   /* as RETURN, if there is one */
	JT_LEAF_UNKNOWN = 5,
};

/* By the instructions around pc. */
static JT_INLINE enum jt_leaf jt_leaf_by_code(const struct jt_walk *w)
{
	__u64 code = jt_u64_at(w, JT_V8_BEFORE), before = jt_u64_at(w, JT_V8_BEFORE - 8);
	__u32 byte = code & 0xff, last = before >> 56, last2 = (before >> 48) & 0xff;
	__u32 last5 = (before >> 24) & 0xff;

	if (last == JT_OP_PUSH_RBP && jt_is_mov_fp(code))
		return JT_LEAF_PUSHED;
	if (byte == JT_OP_PUSH_RBP && jt_is_mov_fp(code >> 8))
		return JT_LEAF_RETURN;
	if (byte == JT_OP_POP_RBP)
		return JT_LEAF_PUSHED;
	if (byte == JT_OP_RET || byte == JT_OP_RET_N)
		return JT_LEAF_RETURN;
	/* Arguments are popped from below the return address: pop rcx (r10), add rsp (lea), push
	 * rcx (r10), ret. */
	if ((last == 0x59 && (last2 == JT_OP_LEAVE || last2 == JT_OP_POP_RBP)) ||
	    (last == 0x5a && last2 == 0x41) || (code & 0xffff) == 0xc351 ||
	    (code & 0xffffff) == 0xc35241)
		return JT_LEAF_POPPED;
	if (last == JT_OP_LEAVE || last == JT_OP_POP_RBP)
		return JT_LEAF_GONE;
	/* cmp rcx, n: more arguments than the function has? */
	if ((last5 == JT_OP_LEAVE || last5 == JT_OP_POP_RBP) &&
	    ((before >> 32) & 0xffffff) == 0xf98348)
		return JT_LEAF_GONE;
	return JT_LEAF_UNKNOWN;
}

/* Is the frame made further on? */
JT_WALK_FN int jt_is_prologue(jt_env_t env, __u64 pc)
{
	struct jt_walk *w = jt_walk_of(env);
	__u32 i;

	if (!w || jt_read_code(env, w->buf, JT_V8_AHEAD, pc))
		return 0;
	for (i = 0; i < JT_V8_AHEAD - 4; i++) {
		if (w->buf[i] == JT_OP_PUSH_RBP && jt_is_mov_fp(jt_u32_at(w, i + 1)))
			return 1;
	}
	return 0;
}

/*
 * Is there no frame, though the code around does not tell? Then the word at sp is an address behind
 * a call. That a frame's lowest word is one, left there by an older call, happens: what proves it
 * is that the call goes to the very function, or that the frame is made further on. What neither
 * shows is as most of its kind (a function of JavaScript has its frame, a builtin none), and
 * unproven.
 */
JT_WALK_FN int jt_is_frameless(jt_env_t env, __u32 builtin)
{
	struct jt_walk *w = jt_walk_of(env);
	__u64 back = 0, target, frame = 0;

	if (!w || jt_read(env, &back, 8, w->regs.sp) || !jt_is_return(env, back, 1))
		return 0;
	target = back + (__s64)(__s32)jt_u32_at(w, 4);
	if (w->buf[3] == 0xe8 && target <= w->regs.pc && w->regs.pc - target < JT_MAX_LEAF) {
		/* The caller may have no frame yet, which BaselineOutOfLinePrologue makes: then
		 * its own return address is next on the stack. */
		if (builtin && !jt_read(env, &frame, 8, w->regs.sp + 8) &&
		    jt_is_return(env, frame, 1))
			w->unproven = 1;
		return 1;
	}
	/* A bytecode's handler: the interpreter's loop calls it by [r15 + r10 * 8] in rcx. With a
	 * frame of its own, that is where it returns to. */
	if (builtin && jt_u64_at(w, 0) >> 16 == 0xd1ffd70c8b4bULL) {
		if (jt_read(env, &frame, 8, w->regs.fp + 8))
			return 1;
		return frame != back;
	}
	if (jt_is_prologue(env, w->regs.pc))
		return 1;
	w->unproven = 1;
	return builtin;
}

JT_WALK_FN int jt_leaf_state(jt_env_t env, __u32 builtin)
{
	struct jt_walk *w = jt_walk_of(env);
	enum jt_leaf leaf;
	__u64 back = 0;

	if (!w || jt_read_code(env, w->buf, JT_V8_BEFORE + JT_V8_AFTER, w->regs.pc - JT_V8_BEFORE))
		return JT_LEAF_POPPED;
	leaf = jt_leaf_by_code(w);
	if (leaf == JT_LEAF_GONE && !jt_read(env, &back, 8, w->regs.sp) &&
	    jt_is_return(env, back, 1))
		return JT_LEAF_RETURN;
	if (leaf == JT_LEAF_GONE || leaf == JT_LEAF_UNKNOWN)
		return jt_is_frameless(env, builtin) ? JT_LEAF_RETURN : JT_LEAF_FRAMED;
	return leaf;
}

/* Leaves such code, whose frame was added already. */
JT_WALK_FN int jt_step_framed(jt_env_t env, __u32 builtin)
{
	struct jt_walk *w = jt_walk_of(env);
	__u64 at, fp, pc;
	int leaf = JT_LEAF_FRAMED;

	if (!w)
		return JT_STOP;
	w->bx_known = 0;
	if (w->exact) {
		jt_used_more(env);
		leaf = jt_leaf_state(env, builtin);
	}
	if (leaf == JT_LEAF_POPPED)
		return jt_end(w, JT_STATUS_NO_CFI);
	if (leaf == JT_LEAF_FRAMED) {
		if (!w->fp_known)
			return jt_end(w, JT_STATUS_CFA);
		jt_used_fp(env, w);
		at = w->regs.fp;
		if (at < w->regs.sp || at - w->regs.sp >= JT_MAX_FRAMED)
			return jt_end(w, JT_STATUS_NO_CFI);
	} else {
		at = leaf == JT_LEAF_PUSHED ? w->regs.sp : w->regs.sp - 8;
	}
	if (jt_read_stack(env, 16, at))
		return jt_end(w, JT_STATUS_READ_FAULT);
	fp = jt_u64_at(w, 0);
	pc = jt_u64_at(w, 8);
	if (leaf == JT_LEAF_RETURN) {
		fp = w->regs.fp;
	} else {
		jt_loaded_fp(env, at);
		w->fp_known = 1;
	}
	if (!jt_is_return(env, pc, 0))
		return jt_end(w, JT_STATUS_NO_CFI);
	jt_used_word(env, at + 8, pc);
	return jt_up(w, pc, at + 16, fp);
}

#endif
