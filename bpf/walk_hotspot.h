/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A step through Java code as HotSpot itself walks (frame_x86.inline.hpp): a compiled frame is
 * sp + frame_size of its code blob, an interpreted frame has fixed slots at rbp. Most frames are at
 * a call; code that was interrupted is walk_leaf.h's business.
 */
#ifndef JTRACE_WALK_HOTSPOT_H
#define JTRACE_WALK_HOTSPOT_H

#define JT_MAX_INTERPRETER_FRAME (1 << 20) /* 65535 locals and as many stack slots */
#define JT_MAX_STUB_FRAME        (1 << 16)
#define JT_MAX_FRAME_WORDS       (1 << 17)

#include "walk_blob.h"
#include "walk_leaf.h"
#include "walk_interpreter.h"
#include "walk_stub.h"
#include "walk_virtual.h"
#include "walk_resync.h"

/* call_stub: C++ calls Java. rbp frame; rbx is saved at rbp - 56 (stubGenerator_x86_64.cpp). */
static JT_INLINE int jt_step_entry(jt_env_t env, struct jt_walk *w)
{
	__u64 fp = w->regs.fp;

	if (!w->fp_known)
		return jt_end(w, JT_STATUS_CFA);
	if (fp < w->regs.sp || fp - w->regs.sp > JT_MAX_STUB_FRAME)
		return jt_end(w, JT_STATUS_BAD_FRAME);
	if (jt_read_stack(env, 72, fp - 56))
		return jt_end(w, JT_STATUS_READ_FAULT);
	if (jt_push(w, JT_FRAME_ENTRY, w->regs.pc, 0))
		return jt_end(w, JT_STATUS_DEPTH);
	jt_used_fp(env, w);
	jt_used_word(env, fp + 8, jt_u64_at(w, 64));
	w->wrapper = jt_u64_at(w, 8);
	jt_loaded_fp(env, fp);
	jt_loaded_bx(env, fp - 56);
	w->regs.bx = jt_u64_at(w, 0);
	w->bx_known = 1;
	return jt_up(w, jt_u64_at(w, 64), fp + 16, jt_u64_at(w, 56));
}

/* Was the frame deoptimised: its return address overwritten by that of the blob's deopt handler? */
static JT_INLINE int jt_is_deopt(const struct jt_walk *w, const struct jt_hotspot *vm, __u64 blob)
{
	__u32 at = vm->block_header;
	__u64 base = vm->deopt_is_offset ? blob : 0;
	__u64 deopt = vm->deopt_is_offset ? jt_u32_at(w, at + vm->off_deopt)
	                                  : jt_u64_at(w, at + vm->off_deopt);
	__u64 mh = 0, pc = w->regs.pc;

	if (vm->off_deopt_mh)
		mh = vm->deopt_is_offset ? jt_u32_at(w, at + vm->off_deopt_mh)
		                         : jt_u64_at(w, at + vm->off_deopt_mh);
	return pc == base + deopt || (mh && pc == base + mh);
}

/* Where such a frame would have gone on, which is stored in it. Only the name changes, not the
 * size.
 */
static JT_INLINE __u64 jt_original_pc(jt_env_t env, struct jt_walk *w, const struct jt_hotspot *vm)
{
	__s32 offset = (__s32)jt_u32_at(w, vm->block_header + vm->off_orig_pc);
	__u64 pc;

	if (offset < 0 || jt_read(env, &pc, 8, w->regs.sp + (__u32)offset))
		return w->regs.pc;
	jt_used_word(env, w->regs.sp + (__u32)offset, pc);
	return pc;
}

/* Bytes of code that set up the blob's frame; none where it is not told, or is -1: never whole. */
static JT_INLINE __u32 jt_frame_complete(const struct jt_walk *w, const struct jt_hotspot *vm)
{
	__u32 at = vm->block_header + vm->off_frame_complete;
	__s32 bytes = 0;

	if (vm->frame_complete_bytes == 4)
		bytes = (__s32)jt_u32_at(w, at);
	else if (vm->frame_complete_bytes == 2)
		bytes = (__s16)jt_u32_at(w, at);
	return bytes > 0 ? (__u32)bytes : 0;
}

/* The code that a frame is in. */
struct jt_code {
	__u64 blob;
	__u32 kind, id; /* id 0: a stub's */
	__s32 words;    /* size of the frame; not above 0: not told */
	__u32 deopt;    /* it goes on elsewhere: */
	__u64 pc;       /* here */
};

/* By the header in buf. */
static JT_INLINE void jt_parse_header(jt_env_t env, struct jt_walk *w, const struct jt_hotspot *vm,
                                      __u64 blob, struct jt_code *code)
{
	__u32 at = vm->block_header;

	code->blob = blob;
	code->kind = jt_blob_kind(env, vm, jt_u64_at(w, at + vm->off_name));
	code->id = code->kind == JT_FRAME_STUB ? 0 : jt_u32_at(w, at + vm->off_compile_id);
	code->words = (__s32)jt_u32_at(w, at + vm->off_frame_size);
	code->deopt = code->kind == JT_FRAME_COMPILED && jt_is_deopt(w, vm, blob);
	code->pc = code->deopt ? jt_original_pc(env, w, vm) : w->regs.pc;
}

/*
 * Keeps how the frame is left: of code whose header says it all. `cont_return` goes on with an rbp
 * that is not known.
 */
static JT_INLINE void jt_know_compiled(const struct jt_walk *w, const struct jt_hotspot *vm,
                                       struct jt_known_pc *known, const struct jt_code *code)
{
	__u64 pc = w->regs.pc;

	if (w->exact || w->heap_end || code->kind != JT_FRAME_COMPILED || code->deopt ||
	    code->words <= 1 || code->words > JT_MAX_FRAME_WORDS || !w->epoch ||
	    (vm->cont_entry_bytes && pc == vm->cont_return) || !jt_is_known(known, w, pc - 1) ||
	    known->block != code->blob - vm->block_header)
		return;
	known->cfa_off = code->words * 8;
	known->by_fp = 0;
	known->fp_words = 2;
	known->bx_words = 0;
	known->info = (__u64)code->id << 32 | (__u32)(pc - code->blob);
	known->mixed = jt_mix_frame(w, JT_FRAME_WHERE(JT_FRAME_COMPILED, 0, pc), known->info);
	known->epoch = w->epoch;
	known->step = JT_KNOWN_COMPILED;
}

/* A frame in code whose header is in buf. */
static JT_INLINE int jt_step_code(jt_env_t env, struct jt_walk *w, const struct jt_hotspot *vm,
                                  const struct jt_code *code)
{
	__u32 at = vm->block_header, complete = jt_frame_complete(w, vm);
	__u64 begin = vm->code_is_offset ? code->blob + jt_u32_at(w, at + vm->off_code_begin)
	                                 : jt_u64_at(w, at + vm->off_code_begin);
	__u64 name = jt_u64_at(w, at + vm->off_name), base;
	__u64 id = (__u64)code->id << 32;
	__s32 words = code->words;

	if (code->kind != JT_FRAME_STUB)
		jt_used_code(env, code->blob + vm->off_compile_id, code->id);
	if (jt_push(w, code->kind, code->pc, id | (__u32)(code->pc - code->blob)))
		return jt_end(w, JT_STATUS_DEPTH);
	base = w->regs.sp + (__u64)(__u32)words * 8;
	if (words <= 0 || code->kind == JT_FRAME_WRAPPER)
		jt_used_fp(env, w);
	/* A native wrapper may have realigned rsp (check_special_condition_for_native_trans): rbp
	 * is right where it lies in the frame. */
	if (code->kind == JT_FRAME_WRAPPER && w->fp_known && w->regs.fp > w->regs.sp &&
	    w->regs.fp < base)
		words = (__s32)((w->regs.fp + 16 - w->regs.sp) / 8);
	if (w->exact)
		return jt_step_interrupted(env, code->kind, words, (__u32)(w->regs.pc - begin),
		                           complete);
	base = w->regs.sp + (__u64)(__u32)words * 8;
	if (words <= 0)
		return jt_step_unsized(env, name);
	if (words > JT_MAX_FRAME_WORDS)
		return jt_end(w, JT_STATUS_BAD_FRAME);
	if (jt_read_stack(env, 16, base - 16))
		return jt_end(w, JT_STATUS_READ_FAULT);
	jt_used_word(env, base - 8, jt_u64_at(w, 8));
	jt_loaded_fp(env, base - 16);
	w->fp_known = 1;
	return jt_up(w, jt_u64_at(w, 8), base, jt_link(w, base - 16, jt_u64_at(w, 0)));
}

/* A frame in the code heap. */
static JT_INLINE int jt_step_blob(jt_env_t env, struct jt_walk *w, const struct jt_hotspot *vm,
                                  __u32 jvm)
{
	__u64 pc = w->exact ? w->regs.pc : w->regs.pc - 1, block;
	struct jt_known_pc *known = jt_known_pc_at(env, w, pc);
	struct jt_code code;

	/* Before any header is read; it is that of the process's JVM. */
	if (w->epoch == JT_ASK_EPOCH)
		jt_code_epoch(env);
	if (w->target.jvm != jvm + 1)
		known = NULL;
	block = jt_find_header(env, jvm, pc);
	if (!block)
		return JT_STOP;
	jt_parse_header(env, w, vm, block + vm->block_header, &code);
	jt_know_compiled(w, vm, known, &code);
	return jt_step_code(env, w, vm, &code);
}

JT_WALK_FN int jt_step_hotspot(jt_env_t env)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_range *r;
	const struct jt_hotspot *vm;
	__u64 pc;

	if (!w)
		return JT_STOP;
	r = jt_range_at(env, w->range);
	if (!r)
		return jt_end(w, JT_STATUS_MAPPING);
	vm = jt_jvm_at(env, r->jvm);
	if (!vm)
		return jt_end(w, JT_STATUS_MAPPING);
	w->bx_known = 0; /* Java code keeps no register over a call but rbp and rsp */
	pc = w->regs.pc;
	if (pc >= vm->interpreter_lo && pc < vm->interpreter_hi)
		return jt_step_interpreted(env, w, vm);
	if (pc == vm->call_stub_return)
		return jt_step_entry(env, w);
	if (vm->cont_entry_bytes && pc == vm->cont_barrier)
		return jt_step_barrier(env);
	/* A frame that was thawed keeps the rbp it was frozen with, of another carrier, or of this
	 * one when its stack was another. */
	if (vm->cont_entry_bytes && pc == vm->cont_return)
		w->fp_known = 0;
	return jt_step_blob(env, w, vm, r->jvm);
}

#endif
