/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a walk goes on when native code cannot be unwound. */
#ifndef JTRACE_WALK_RESYNC_H
#define JTRACE_WALK_RESYNC_H

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
	anchor = w->wrapper ? w->wrapper + vm->off_wrapper_anchor : jt_java_thread(env, w->tid);
	if (anchor && !w->wrapper)
		anchor += vm->off_thread_anchor;
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
