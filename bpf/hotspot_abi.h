/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the walk through Java code has to know of a JVM. User space asks the JVM itself
 * (jvmsym/hotspot). */
#ifndef JTRACE_HOTSPOT_ABI_H
#define JTRACE_HOTSPOT_ABI_H

#ifndef __bpf__
#include <stdint.h>
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#endif

#define JT_MAX_HEAPS 4 /* code heaps; JDK 26 has the fourth (MethodHot) */

struct jt_code_heap {
	__u64 low, high;  /* reserved memory of the heap */
	__u64 segmap;     /* address of its segment map */
	__u32 shift, pad; /* log2 of the segment size */
};

/* All that a step through Java needs of one JVM; offsets in bytes from the blob unless said. */
struct jt_hotspot {
	struct jt_code_heap heaps[JT_MAX_HEAPS];
	__u64 interpreter_lo, interpreter_hi;
	__u64 call_stub_return;
	__u64 name_nmethod; /* address of the string a CodeBlob::_name points to; 0: not known */
	__u64 name_native;
	__u32 heap_count;
	__u16 block_header; /* sizeof(HeapBlock) */
	__u16 block_used;   /* offset of Header::_used in it */
	__u16 blob_bytes; /* bytes from the block to read for the fields below; <= JT_BLOB_BYTES */
	__u16 off_name;
	__u16 off_frame_size; /* int, words; <= 0: rbp frame */
	__u16 off_code_begin; /* pointer, or an int offset where code_is_offset */
	__u16 off_compile_id;
	__u16 off_deopt;    /* deopt handler: pointer, or offset from the blob */
	__u16 off_deopt_mh; /* 0: there is none */
	__u16 off_orig_pc;  /* int: where the original pc of a deoptimised frame lies above sp */
	__u16 off_frame_complete;  /* bytes of code from code_begin on that set up the frame */
	__u8 frame_complete_bytes; /* size of that number: 2 or 4; 0: there is none */
	__u8 code_is_offset;
	__u8 deopt_is_offset;
	__s8 slot_sender_sp; /* interpreter frame, words from rbp */
	__s8 slot_method;
	__s8 slot_bcp;
	/* JavaFrameAnchor: where it lies in a JavaThread and in a JavaCallWrapper, and its parts */
	__u16 off_thread_anchor; /* 0: not known, there is no resynchronising */
	__u16 off_wrapper_anchor;
	__u16 off_anchor_sp, off_anchor_pc, off_anchor_fp;
	/* Virtual threads (JDK 21 on): ContinuationEntry on the stack, StackChunks in the heap */
	__u16 cont_entry_bytes;                 /* 0: none, or not known */
	__u16 off_cont_argsize;                 /* int, words */
	__u16 off_cont_cont;                    /* Continuation */
	__u16 off_tail;                         /* Continuation.tail: the last StackChunk */
	__u16 off_chunk_parent, off_chunk_cont; /* references */
	__u16 off_chunk_sp, off_chunk_bottom;   /* int, words from off_chunk_stack */
	__u16 off_chunk_pc;
	__u16 off_chunk_stack; /* 0: chunks cannot be read */
	__u8 oop_is_narrow, oop_shift;
	__u16 off_stack_base, off_stack_size; /* of a JavaThread; the address behind its stack */
	/* All JavaThreads: a ThreadsList, or (JDK 8) a chain, whose first is the newest */
	__u16 off_list_length, off_thread_next;
	__u16 off_list_threads; /* 0: a chain */
	__u16 pad[3];
	__u64 thread_list; /* address of the pointer to it; 0: not known */
	__u64 oop_base;
	__u64 cont_barrier; /* return address that stands for frames in the heap */
	__u64 cont_return;  /* return address into Continuation.enterSpecial */
	__u64 unload_epoch; /* counter that moves before an unloaded class's memory is used again */
	__u64 code_epoch;   /* ... before that of freed code is; 0: there is none */
};

#ifndef __cplusplus
#define static_assert _Static_assert
#endif
static_assert(sizeof(struct jt_hotspot) == 296, "ABI");
#endif
