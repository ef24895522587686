/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a walk goes on when native code cannot be unwound. */
#ifndef JTRACE_WALK_RESYNC_H
#define JTRACE_WALK_RESYNC_H

#define JT_THREAD_TRIES 64

/* Does the JavaThread say that the stack we are on is its own? */
JT_WALK_FN int jt_is_own_thread(jt_env_t env, __u64 thread)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_hotspot *vm = w ? jt_jvm_of(env, w) : NULL;

	if (!vm)
		return 0;
	if (jt_read(env, w->buf, 8, thread + vm->off_stack_base) ||
	    jt_read(env, w->buf + 8, 8, thread + vm->off_stack_size))
		return 0;
	return jt_u64_at(w, 0) - w->regs.sp <= jt_u64_at(w, 8);
}

/*
 * A thread that nobody knows yet is new: the JVM has the newest last in its list, first in a chain.
 * A function and a loop each: one with both has more paths than kernels up to 6.1 verify.
 */
JT_WALK_FN __u64 jt_find_in_list(jt_env_t env, __u64 list)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_hotspot *vm;
	__u64 at = 0, next;
	__u32 n, i;

	vm = w ? jt_jvm_of(env, w) : NULL;
	if (!vm || jt_read(env, w->buf, 4, list + vm->off_list_length) ||
	    jt_read(env, w->buf + 8, 8, list + vm->off_list_threads))
		return 0;
	n = jt_u32_at(w, 0);
	next = jt_u64_at(w, 8) + (__u64)n * 8;
	for (i = 0; i < JT_THREAD_TRIES; i++) {
		next -= 8;
		if (i >= n || jt_read(env, &at, 8, next))
			return 0;
		if (jt_is_own_thread(env, at))
			return at;
	}
	return 0;
}

JT_WALK_FN __u64 jt_find_in_chain(jt_env_t env, __u64 at)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_hotspot *vm;
	__u32 i;

	vm = w ? jt_jvm_of(env, w) : NULL;
	if (!vm)
		return 0;
	for (i = 0; i < JT_THREAD_TRIES; i++) {
		if (jt_is_own_thread(env, at))
			return at;
		if (jt_read(env, &at, 8, at + vm->off_thread_next))
			return 0;
	}
	return 0;
}

static JT_INLINE __u64 jt_find_java_thread(jt_env_t env, struct jt_walk *w,
                                           const struct jt_hotspot *vm)
{
	if (!vm->thread_list || jt_read(env, w->buf, 8, vm->thread_list))
		return 0;
	if (vm->off_list_threads)
		return jt_find_in_list(env, jt_u64_at(w, 0));
	return jt_find_in_chain(env, jt_u64_at(w, 0));
}

/*
 * Address of the thread's JavaFrameAnchor; 0 where it has none. A thread that left the JVM and came
 * back has another JavaThread, and the memory of the old one may be that of a thread elsewhere.
 */
static JT_INLINE __u64 jt_thread_anchor(jt_env_t env, struct jt_walk *w,
                                        const struct jt_hotspot *vm)
{
	__u64 thread = jt_java_thread(env, w->tid);

	if (thread == JT_ASK_THREAD) {
		w->unusual += 3 * JT_THREAD_TRIES;
		thread = jt_find_java_thread(env, w, vm);
		jt_keep_java_thread(env, w->tid, thread);
	}
	if (!thread)
		return 0;
	if (!jt_is_own_thread(env, thread)) {
		jt_drop_java_thread(env, w->tid);
		return 0;
	}
	return thread + vm->off_thread_anchor;
}

/*
 * Native code that cannot be unwound (a library without unwind information): goes on at the Java
 * frame that called out, which HotSpot notes in the thread's JavaFrameAnchor, and for older native
 * code in the JavaCallWrapper of the call_stub above it (javaCalls.cpp). The stack stays partial,
 * for the reason `status`.
 */
JT_WALK_FN int jt_resync(jt_env_t env, __u32 status)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_hotspot *vm;
	__u64 anchor, sp;

	if (!w)
		return JT_STOP;
	vm = jt_jvm_of(env, w);
	if (!vm || !vm->off_thread_anchor)
		return jt_end(w, status);
	if (status != JT_STATUS_NO_CFI && status != JT_STATUS_CFA && status != JT_STATUS_MAPPING &&
	    status != JT_STATUS_READ_FAULT && status != JT_STATUS_BAD_FRAME)
		return JT_STOP;
	anchor = w->wrapper ? w->wrapper + vm->off_wrapper_anchor : jt_thread_anchor(env, w, vm);
	if (!anchor || jt_read(env, w->buf, 8, anchor + vm->off_anchor_sp) ||
	    jt_read(env, w->buf + 8, 8, anchor + vm->off_anchor_pc) ||
	    jt_read(env, w->buf + 16, 8, anchor + vm->off_anchor_fp))
		return jt_end(w, status);
	sp = jt_u64_at(w, 0);
	if (sp <= w->regs.sp || (sp & 7) || !sp)
		return jt_end(w, status);
	/* Left out where it is the return address below sp (make_walkable). */
	if (!jt_u64_at(w, 8) && jt_read(env, w->buf + 8, 8, sp - 8))
		return jt_end(w, status);
	if (!jt_is_code(vm, jt_u64_at(w, 8)))
		return jt_end(w, status);
	if (jt_push(w, JT_FRAME_GAP, 0, 0))
		return jt_end(w, JT_STATUS_DEPTH);
	w->gap = 1;
	w->regs.sp = sp;
	w->regs.pc = jt_u64_at(w, 8);
	w->regs.fp = jt_u64_at(w, 16);
	w->fp_known = w->regs.fp != 0;
	w->bx_known = 0;
	w->exact = 0;
	return JT_GO_ON;
}

#endif
