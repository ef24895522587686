/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The walk of a user stack, step by step, native and Java frames in one loop. Plain C that is
 * compiled twice: for BPF (walk_env.bpf.h) and for user space (user/unwind/walker.cpp), which
 * finishes deferred walks and replays recorded ones with the very same code.
 *
 * The includer defines, before including this file's companions:
 *   jt_env_t, jt_walk_of(env), jt_read(env, into, bytes, address) -> 0 or an error: of the stack,
 *   jt_read_stack(env, bytes, address): into the walk's buf, at most JT_STACK_WORDS words, of the
 *   event's own stack, most likely,
 *   jt_read_code(the same as jt_read): of what a JVM keeps about its code,
 *   jt_java_thread(env, tid) -> address of its JavaThread, 0: none, JT_ASK_THREAD: look for it,
 *   jt_keep_java_thread(env, tid, address): what was found, 0: nothing,
 *   jt_drop_java_thread(env, tid): what it said is another thread's, or no thread any more,
 *   jt_maker_of(env, tid) -> where who made a process in its own memory waits for it, or NULL,
 *   jt_range_at(i), jt_row_at(i), jt_rule_at(i), jt_jvm_at(i) -> pointer or NULL,
 *   jt_known_pc_at(env, w, pc) -> where what is found of it may be kept, or NULL,
 *   jt_stack_t, jt_stack(env), jt_stack_word(env, w, stack, address, value): one word of the
 * event's own stack, 0 or an error: where it is at hand, jt_opaque(value), jt_load64(at),
 * jt_load32(at) -> the unaligned word there, JT_INLINE, JT_WALK_FN (linkage of the functions),
 * jt_cost(counter, n) and, where walks are remembered, the hooks of walk_step.h.
 */
#ifndef JTRACE_WALK_H
#define JTRACE_WALK_H

#include "jtrace_abi.h"
#include "stack_hash.h"

#define JT_BUF_BYTES   512
#define JT_STACK_WORDS 12

struct jt_span {
	__u64 lo, hi;
};

/*
 * What was found of a pc, which is that of a call's return address less 1, or one that was
 * interrupted: right as long as the tables are the same.
 */
struct jt_known_pc {
	__u64 pc;
	__u32 tables;              /* jt_walk's */
	__u32 first_range, ranges; /* jt_target's */
	__u32 range, rule;         /* jt_walk's */
	/* How a frame that returns to it is left: its return address is below the CFA, which is
	 * cfa_off from sp or fp; so far below that, in words, lie the caller's fp and bx, 0:
	 * unchanged. */
	__s32 cfa_off;
	__u8 step; /* enum jt_known_step */
	__u8 by_fp, fp_words, bx_words;
	/* Of compiled code, as long as this counter of the JVM stays; 0: not known. */
	__u64 epoch;
	__u64 info;  /* its frame's */
	__u64 mixed; /* the frame, as it goes into the stack's hash */
	/* In a JVM's code, the heap block that holds pc, as long as that is the code of this
	 * compile id; 0: not known. */
	__u64 block;
	__u32 id;
};

enum jt_known_step {
	JT_KNOWN_NONE = 0, /* it has to be looked at */
	JT_KNOWN_NATIVE = 1,
	JT_KNOWN_COMPILED = 2,
};

/* Whose frames are not here. */
enum jt_recalled {
	JT_NOT_RECALLED = 0,
	JT_RECALLED = 1, /* the stack is a remembered one */
	JT_SPLICED = 2,  /* all but its top, which was walked, is that of a remembered one */
};

enum jt_watch {
	JT_WATCH_NOTHING = 0,
	JT_WATCH_WRITTEN = 1, /* the walk is written down */
	JT_WATCH_BOUNDS = 2,  /* its rest may be that of a remembered one */
};

/* One run of a program, where the governor is on. */
struct jt_run {
	__u32 random;
	__u32 ratio; /* of how many events this one is kept; 0: it is left out */
};

/* All state of one walk. Lives in a map value: the BPF stack has 512 bytes. */
struct jt_walk {
	struct jt_regs regs;
	struct jt_target target; /* copy: the map's value may be replaced meanwhile */
	struct jt_span changed;  /* mappings changed since the ranges were made; empty: lo = hi */
	__u32 busy;
	__u32 exact;    /* regs.pc is where the thread is, not a return address */
	__u32 fp_known; /* regs.fp is the frame's; a rule may have lost it */
	__u32 bx_known;
	__u32 max_frames;
	__u32 range; /* index of the last range hit */
	__u32 rule;  /* of regs.pc, where that is in native code; JT_MAX_RULES: none */
	__u32 defer; /* pc in a changed range: user space must finish this walk */
	__u32 tid;
	__u32 interpreted; /* nonzero: some frame was; the number of the last one, + 1 */
	__u32 frozen;      /* nonzero: frames of a virtual thread were in the heap */
	__u32 gap;         /* nonzero: native code was jumped over */
	__u32 unproven;    /* nonzero: whether interrupted code had a frame was not sure */
	__u32 joined;      /* nonzero: it went on where who made this process waits */
	__u32 unusual;     /* reads beyond those that frames usually take; JT_MAX_UNUSUAL end it */
	__u32 window;      /* 1: the event is one of a window with an odd number */
	__u32 slot;        /* of `remembered`, + 1: this walk is written down there */
	__u32 recalled;    /* enum jt_recalled */
	__u32 sent;        /* the stack was new, and so were `strangers` in a row before it */
	__u32 strangers;   /* stays from event to event */
	__u32 watch;       /* enum jt_watch: what is done at a frame, if any */
	__u32 next_bound;  /* writing down: frames at which the next boundary is kept */
	/* The walk whose rest this one's may be: its slot in `remembered`, + 1, and which one was
	 * there, from which of its words on all are the same, its boundary that is next, and the sp
	 * of that. */
	__u32 other, other_version, same_words, bound;
	__u64 bound_sp;
	__u32 tables; /* number of the last change of the tables before the event */
	__u32 copied; /* bytes of the stack that are in stack_copies, from copied_from on */
	/* Of the search among remembered walks: its root, of which generation, the words at the
	 * root's places as a number, and a place where a walk differed all the same (in words from
	 * sp, + 1) with the bytes that one reads. */
	__u32 root, generation, choice, differs, differs_bytes;
	/* To be compared with the walk, where both are made; recalled_as: `recalled`. */
	__u32 recalled_frames, recalled_as, recalled_interpreted;
	__u64 recalled_hash, recalled_end;
	__u64 copied_from;
	__u64 epoch;   /* jt_code_epoch(), or JT_ASK_EPOCH */
	__u64 wrapper; /* JavaCallWrapper of the last call_stub */
	/* A virtual thread's frames in the heap: up to heap_end (0: the walk is on the stack), of
	 * the continuation whose ContinuationEntry is at `entry`. */
	__u64 heap_end, entry, cont, tail;
	__u64 parent; /* StackChunk behind the one that is read */
	struct {
		__u64 hash;
		__u32 frames, pad;
	} mark;               /* the walk as it was before it */
	__u64 seed;           /* of the hash, per run */
	__u64 base;           /* ... and its base */
	struct jt_regs first; /* registers at the event */
	__u32 first_exact;    /* whether their pc is exact */
	__u32 held;           /* counted when it ends: JT_EVENT_HELD, with _OPENS, _NO_USER */
	struct jt_sum sum;    /* what the event adds to its stack */
	struct jt_held begun; /* made here: three calls may have 512 bytes of stack together */
	struct jt_run run;    /* of the program that walks */
	__u8 buf[JT_BUF_BYTES + 16]; /* what was read last; + 16: reads at masked offsets */
	struct jt_stack_record record;
};

/*
 * A frame takes four reads; a few more where it is far into large code, or threads and chunks have
 * to be looked for. A target that makes each of its 2 048 frames as dear as can be comes to 53 000
 * (1.9 to 3.3 ms, measured), and by what the code allows to 256 000: over all frames, no more than
 * these.
 */
#define JT_MAX_UNUSUAL 8192

#define JT_NO_RANGE   0xffffffffu
#define JT_ASK_THREAD 1
#define JT_ASK_EPOCH  ~0ULL

/* Bytecode pointer of a method whose frame is just being made; 0 stands for a native method. */
#define JT_NO_BCP 1

/* Step results. */
#define JT_GO_ON 0
#define JT_STOP  1
/* Of a native step: the frame was added, and must be left by rbp. */
#define JT_BY_RBP 2

#define JT_FRAME_WHERE(kind, exact, addr) \
	(((__u64)((kind) | ((exact) ? JT_FRAME_EXACT : 0)) << JT_ADDR_BITS) | \
	 ((addr) & JT_ADDR_MASK))

#endif
