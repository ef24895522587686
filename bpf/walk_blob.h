/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which block of HotSpot's code heap a pc is in, and what its header says. */
#ifndef JTRACE_WALK_BLOB_H
#define JTRACE_WALK_BLOB_H

#define JT_MAX_HOPS   24 /* through the segment map; 9 is the longest seen by others */
#define JT_USUAL_HOPS 3

static JT_INLINE void jt_count_hops(jt_env_t env, __u32 hops)
{
	struct jt_walk *w = hops > JT_USUAL_HOPS ? jt_walk_of(env) : NULL;

	if (w)
		w->unusual += hops;
}

/* Address of the heap block that holds pc, by the heap's segment map; 0: none. */
JT_WALK_FN __u64 jt_find_block(jt_env_t env, __u32 jvm, __u64 pc)
{
	const struct jt_hotspot *vm = jt_jvm_at(env, jvm);
	__u64 low = 0, segmap = 0, index;
	__u32 shift = 0, i;
	__u8 tag = 0;

	if (!vm)
		return 0;
	for (i = 0; i < JT_MAX_HEAPS; i++) {
		if (pc >= vm->heaps[i].low && pc < vm->heaps[i].high) {
			low = vm->heaps[i].low;
			segmap = vm->heaps[i].segmap;
			shift = vm->heaps[i].shift & 31;
		}
	}
	if (!segmap)
		return 0;
	index = (pc - low) >> shift;
	for (i = 0; i < JT_MAX_HOPS; i++) {
		if (jt_read_code(env, &tag, 1, segmap + index) || tag == 0xff)
			return 0;
		if (tag == 0) {
			jt_count_hops(env, i);
			return low + (index << shift);
		}
		if (tag > index)
			return 0;
		index -= tag;
	}
	return 0;
}

/* Whether the blob is an nmethod or a native method's wrapper, by the string its name points to. */
static JT_INLINE __u32 jt_blob_kind(jt_env_t env, const struct jt_hotspot *vm, __u64 name)
{
	__u64 text = 0;

	if (name == vm->name_nmethod)
		return JT_FRAME_COMPILED;
	if (name == vm->name_native)
		return JT_FRAME_WRAPPER;
	if (vm->name_nmethod && vm->name_native)
		return JT_FRAME_STUB;
	/* Not met yet when the tables were made: little-endian "nmethod\0", "native n". */
	if (jt_read_code(env, &text, 8, name))
		return JT_FRAME_STUB;
	if (text == 0x00646f6874656d6eULL)
		return JT_FRAME_COMPILED;
	return text == 0x6e2065766974616eULL ? JT_FRAME_WRAPPER : JT_FRAME_STUB;
}

/* Reads the header of a block that is in use into buf. Returns 0, or the status that ends the walk.
 */
static JT_INLINE __u32 jt_read_header(jt_env_t env, struct jt_walk *w, const struct jt_hotspot *vm,
                                      __u64 block)
{
	__u32 bytes = vm->blob_bytes;

	if (bytes > JT_BUF_BYTES)
		bytes = JT_BUF_BYTES;
	if (jt_read_code(env, w->buf, bytes, block))
		return JT_STATUS_READ_FAULT;
	return w->buf[vm->block_used & (JT_BUF_BYTES - 1)] ? 0 : (__u32)JT_STATUS_NO_BLOB;
}

/*
 * Reads the header of the block that holds pc into buf. Returns its address; 0: the walk ends.
 *
 * Where pc was met before, its block is where it was if the header there is of the same code: a
 * block that is freed is marked so before its memory is anything else's (CodeHeap::
 * add_to_freelist), and no two compilations have the same number.
 */
JT_WALK_FN __u64 jt_find_header(jt_env_t env, __u32 jvm, __u64 pc)
{
	const struct jt_hotspot *vm = jt_jvm_at(env, jvm);
	struct jt_walk *w = jt_walk_of(env);
	struct jt_known_pc *known;
	__u64 block;
	__u32 id_at, status;

	if (!w || !vm)
		return 0;
	known = jt_known_pc_at(env, w, pc);
	id_at = vm->block_header + vm->off_compile_id;
	if (jt_is_known(known, w, pc) && known->block &&
	    !jt_read_header(env, w, vm, known->block) && jt_u32_at(w, id_at) == known->id)
		return known->block;
	block = jt_find_block(env, jvm, pc);
	status = block ? jt_read_header(env, w, vm, block) : (__u32)JT_STATUS_NO_BLOB;
	if (status) {
		jt_end(w, status);
		return 0;
	}
	/* Stubs have none: 0, or anything. */
	if (known &&
	    jt_blob_kind(env, vm, jt_u64_at(w, vm->block_header + vm->off_name)) != JT_FRAME_STUB)
		jt_know(known, w, pc, block, jt_u32_at(w, id_at));
	return block;
}

#endif
