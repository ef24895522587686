/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Virtual threads (JDK 21 on). One that waited has only its last frames on the stack again; the
 * others lie in StackChunk objects in the heap until they are returned into, and the return address
 * of the last one on the stack is the return barrier (continuationFreezeThaw.cpp). The frames in a
 * chunk are as on the stack, but for the interpreter's addresses within the frame, which are
 * distances in words (stackChunkFrameStream.inline.hpp). Beyond is the carrier's stack.
 *
 * The collector may move a chunk while it is read: the thread counts as stopped in a system call.
 * So the way to it is followed again at the end, and what was read counts only if it is still the
 * same; else a marker stands for it, as where the chunks cannot be read.
 */
#ifndef JTRACE_WALK_VIRTUAL_H
#define JTRACE_WALK_VIRTUAL_H

#define JT_CONT_TRIES      16  /* words of stack arguments, by two */
#define JT_CHUNK_BYTES     128 /* of a StackChunk up to its stack */
#define JT_MAX_CHUNK_WORDS (1 << 20)
#define JT_EMPTY_CHUNKS    4
#define JT_CHUNK_READS     40 /* at most, from one chunk to the next */

/* The reference at this place in buf; compressed oops are what ZGC's are not: plain addresses. */
static JT_INLINE __u64 jt_oop_at(const struct jt_walk *w, const struct jt_hotspot *vm, __u32 offset)
{
	__u64 narrow = jt_u32_at(w, offset);

	if (!vm->oop_is_narrow)
		return jt_u64_at(w, offset);
	return narrow ? vm->oop_base + (narrow << (vm->oop_shift & 31)) : 0;
}

/* Continuation.tail of the continuation whose entry this is; 0: not readable. */
static JT_INLINE __u64 jt_tail(jt_env_t env, struct jt_walk *w, const struct jt_hotspot *vm,
                               __u64 *cont)
{
	if (jt_read(env, cont, 8, w->entry + vm->off_cont_cont) || !*cont ||
	    jt_read(env, w->buf, 8, *cont + vm->off_tail))
		return 0;
	return jt_oop_at(w, vm, 0);
}

/* Back to the stack, at enterSpecial. `read`: the chunks were read to their end. */
static JT_INLINE int jt_leave_heap(jt_env_t env, struct jt_walk *w, const struct jt_hotspot *vm,
                                   int read)
{
	__u64 cont = 0;

	if (read && (jt_tail(env, w, vm, &cont) != w->tail || cont != w->cont))
		read = 0;
	w->heap_end = 0;
	w->exact = 0;
	w->fp_known = 0;
	w->regs.sp = w->entry;
	w->regs.pc = vm->cont_return;
	if (read)
		return JT_GO_ON;
	w->record.key.frames = w->mark.frames;
	w->record.key.hash = w->mark.hash;
	w->frozen = 1;
	return jt_push(w, JT_FRAME_FROZEN, 0, 0) ? jt_end(w, JT_STATUS_DEPTH) : JT_GO_ON;
}

/* To the last frame in this chunk, or in the first of its parents that has any. */
static JT_INLINE int jt_enter_chunk(jt_env_t env, struct jt_walk *w, const struct jt_hotspot *vm,
                                    __u64 chunk)
{
	__u32 sp = 0, bottom = 0, i;
	__u64 start;

	for (i = 0; i < JT_EMPTY_CHUNKS && chunk; i++) {
		if (jt_read(env, w->buf, JT_CHUNK_BYTES, chunk))
			return jt_leave_heap(env, w, vm, 0);
		sp = jt_u32_at(w, vm->off_chunk_sp);
		bottom = jt_u32_at(w, vm->off_chunk_bottom);
		if (jt_oop_at(w, vm, vm->off_chunk_cont) != w->cont || bottom > JT_MAX_CHUNK_WORDS)
			return jt_leave_heap(env, w, vm, 0);
		w->parent = jt_oop_at(w, vm, vm->off_chunk_parent);
		if (sp < bottom)
			break;
		chunk = w->parent;
	}
	if (!chunk || sp >= bottom)
		return jt_leave_heap(env, w, vm, !chunk);
	start = chunk + vm->off_chunk_stack;
	w->regs.pc = jt_u64_at(w, vm->off_chunk_pc);
	w->regs.sp = start + (__u64)sp * 8;
	w->heap_end = start + (__u64)bottom * 8;
	if (jt_read(env, w->buf, 8, w->regs.sp - 16))
		return jt_leave_heap(env, w, vm, 0);
	w->regs.fp = w->regs.sp - 16 + jt_u64_at(w, 0) * 8;
	w->fp_known = 1;
	return JT_GO_ON;
}

/* At the end of a chunk, or, where `failed`, where a frame in it made no sense. */
JT_WALK_FN int jt_step_chunk(jt_env_t env, __u32 failed)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_hotspot *vm;

	if (!w)
		return JT_STOP;
	vm = jt_jvm_of(env, w);
	if (!vm)
		return jt_end(w, JT_STATUS_MAPPING);
	if (failed)
		return jt_leave_heap(env, w, vm, 0);
	w->unusual += JT_CHUNK_READS;
	return jt_enter_chunk(env, w, vm, w->parent);
}

/*
 * The ContinuationEntry, which enterSpecial's frame holds, is right above the last thawed frame,
 * but for the stack arguments of that one: it says how many words these take. rbp tells nothing
 * here.
 */
JT_WALK_FN int jt_step_barrier(jt_env_t env)
{
	struct jt_walk *w = jt_walk_of(env);
	const struct jt_hotspot *vm;
	__u64 entry;
	__u32 i, size, arguments;

	if (!w)
		return JT_STOP;
	vm = jt_jvm_of(env, w);
	if (!vm)
		return jt_end(w, JT_STATUS_MAPPING);
	w->unusual += JT_CHUNK_READS;
	jt_used_more(env);
	size = vm->cont_entry_bytes;
	entry = (w->regs.sp + 15) & ~15ULL;
	for (i = 0; i < JT_CONT_TRIES; i++, entry += 16) {
		if (jt_read(env, w->buf, 8, entry + vm->off_cont_argsize) ||
		    jt_read(env, w->buf + 8, 8, entry + size + 8))
			return jt_end(w, JT_STATUS_READ_FAULT);
		arguments = jt_u32_at(w, 0);
		if (arguments <= 2 * JT_CONT_TRIES && jt_is_code(vm, jt_u64_at(w, 8)) &&
		    entry == ((w->regs.sp + arguments * 8 + 15) & ~15ULL))
			break;
	}
	if (i == JT_CONT_TRIES)
		return jt_end(w, JT_STATUS_BAD_FRAME);
	w->entry = entry;
	w->mark.frames = w->record.key.frames;
	w->mark.hash = w->record.key.hash;
	w->tail = vm->off_chunk_stack ? jt_tail(env, w, vm, &w->cont) : 0;
	if (!w->tail)
		return jt_leave_heap(env, w, vm, 0);
	return jt_enter_chunk(env, w, vm, w->tail);
}

#endif
