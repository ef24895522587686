/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel side and user space agree on: keys, values, tables, records, reasons.
 * With event_abi.h the only header that both include. Fixed widths, explicit padding, sizes
 * asserted below. Addresses are the target's virtual addresses, sizes are bytes unless a name says
 * words.
 */
#ifndef JTRACE_ABI_H
#define JTRACE_ABI_H

#ifndef __bpf__
#include <stdint.h>
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#endif

#include "target_abi.h"

#define JT_ABI_VERSION 1

#define JT_MAX_FRAMES  2048   /* physical frames of one walk; real Java stacks pass 1 100 */
#define JT_MAX_RANGES  4096   /* executable ranges of one process */
#define JT_RANGE_SLOTS 65536  /* ranges of all processes and generations, where pids are given */
#define JT_MANY_RANGES 262144 /* ... where processes come while tracing */
#define JT_MAX_RULES   65536  /* distinct unwind rules of all binaries */
#define JT_MAX_JVMS    1024   /* at a time */
#define JT_MAX_HEAPS   4      /* code heaps; JDK 26 has the fourth (MethodHot) */
#define JT_MAX_TARGETS 1024
#define JT_MAX_EVENTS  4096
#define JT_BLOB_BYTES  512   /* HeapBlock + CodeBlob header, read at once */
#define JT_DEFER_BYTES 65536 /* stack copied with an event whose walk user space finishes */

/* ---------------------------------------------------------------- frames */

enum jt_frame_kind {
	JT_FRAME_NONE = 0,
	JT_FRAME_NATIVE = 1,      /* addr: pc, info: mapping id */
	JT_FRAME_INTERPRETED = 2, /* addr: Method*, info: bytecode pointer (0: native method) */
	JT_FRAME_COMPILED = 3,    /* addr: pc, info: compile id << 32 | pc - blob */
	JT_FRAME_WRAPPER = 4,     /* native method's wrapper, as COMPILED */
	JT_FRAME_STUB = 5,        /* any other code blob: addr: pc, info: pc - blob */
	JT_FRAME_ENTRY = 6,       /* call_stub: C++ calls Java here; addr: pc */
	JT_FRAME_FROZEN = 7, /* marker: a virtual thread's callers lie in the heap from here on */
	JT_FRAME_GAP = 8,    /* marker: native frames without unwind info were skipped */
};

/* kind in the top byte of `where`, the address in the low 56 bits */
struct jt_frame {
	__u64 where;
	__u64 info;
};

#define JT_ADDR_BITS 56
#define JT_ADDR_MASK ((1ULL << JT_ADDR_BITS) - 1)

/* Flag in `where`'s kind byte: the address is exact (leaf, or interrupted by a signal), not a
 * return address, so that names are looked up at pc and not at pc - 1. */
#define JT_FRAME_EXACT     0x80
#define JT_FRAME_KIND_MASK 0x7f

/* ---------------------------------------------------------------- how a walk ended */
/* X(enumerator, word in the ledger). Complete is reached by the thread's entry only. */
#define JT_STATUS_LIST(X) \
	X(COMPLETE, "complete") \
	X(NO_USER, "no user stack")      /* kernel thread: nothing to walk, counts as complete */ \
	X(DEPTH, "depth")                /* max depth reached */ \
	X(BUDGET, "budget")              /* step budget used up */ \
	X(READ_FAULT, "read fault")      /* a page needed is not resident */ \
	X(MAPPING, "mapping")            /* pc in no known executable range */ \
	X(NO_CFI, "no unwind info")      /* binary or pc has no usable rule */ \
	X(CFA, "cfa")                    /* rule needs a register that is not known here */ \
	X(NO_BLOB, "no code blob")       /* pc in the code cache, no live blob there */ \
	X(BAD_FRAME, "bad frame")        /* stack pointer does not grow, slots out of range */ \
	X(FROZEN, "frozen")              /* whole but for a virtual thread's frames in the heap */ \
	X(GAP, "gap")                    /* whole but for native code without unwind info */ \
	X(FP_WALK, "frame pointers")     /* --cstack fp: the kernel walked; end unknown */ \
	X(FP_LOST, "stack id collision") /* --cstack fp: bpf_get_stackid refused */ \
	X(DEFER_CUT, "deferred copy too short") \
	X(COMPAT, "32-bit process") \
	X(NO_REGS, "no user registers") \
	X(UNPROVEN, "unproven frame") /* to the thread's entry, but the leaf may have no frame */

enum jt_status {
#define X(name, text) JT_STATUS_##name,
	JT_STATUS_LIST(X) JT_STATUS_COUNT,
#undef X
};

/* ---------------------------------------------------------------- counters (per CPU) */
/* fired = kept + filtered + sampled out + lost{...}; kept is the sum over the counts map plus the
 * deferred records. */
#define JT_COUNTER_LIST(X) \
	X(FIRED, "fired")   /* events of targets */ \
	X(OTHERS, "others") /* events of processes that are no target */ \
	X(KEPT, "kept") \
	X(DEFERRED, "deferred")       /* of kept: walk finished in user space */ \
	X(FILTERED, "filtered")       /* --filter */ \
	X(SAMPLED_OUT, "sampled out") /* -i N */ \
	X(FILTER_UNREADABLE, "filter: values that could not be read") \
	X(FILTER_TOO_LONG, "filter: strings too long to be compared") \
	X(LOST_RING, "lost: ring buffer full") \
	X(LOST_COUNTS, "lost: counts map full") \
	X(LOST_NESTED, "lost: nested event") \
	X(LOST_TARGETS, "lost: no room for another process") \
	X(KERNEL_COLLISION, "kernel stack id collisions") \
	X(USER_COLLISION, "user stack id collisions") \
	X(NOTICE_LOST, "mapping notices that found no room") \
	X(UNCHECKED, "walks not sent to be checked") \
	/* cost counters, only with cfg.count_cost */ \
	X(COST_READS, "user reads") \
	X(COST_LOOKUPS, "map lookups") \
	X(COST_FRAMES, "frames walked") \
	X(COST_NATIVE, "native frames walked")

enum jt_counter {
#define X(name, text) JT_COUNTER_##name,
	JT_COUNTER_LIST(X) JT_COUNTER_COUNT,
#undef X
};

/* ---------------------------------------------------------------- unwind tables */
enum jt_cfa_kind {
	JT_CFA_INVALID = 0,   /* no rule: the walk ends as NO_CFI */
	JT_CFA_RSP = 1,       /* rsp + cfa_off */
	JT_CFA_RBP = 2,       /* rbp + cfa_off */
	JT_CFA_RBX = 3,       /* rbx + cfa_off (ld.so's _dl_runtime_resolve*) */
	JT_CFA_DEREF_RBP = 4, /* *(rbp + cfa_off) + cfa_add (realigned stacks) */
	JT_CFA_DEREF_RSP = 5, /* *(rsp + cfa_off) + cfa_add */
	JT_CFA_PLT = 6,       /* rsp + 8 + ((pc & 15) >= cfa_off ? 8 : 0) */
	JT_CFA_SIGNAL = 7,    /* rt_sigreturn trampoline: registers from the ucontext at rsp */
	JT_CFA_END = 8,       /* return address undefined: the thread's entry */
	JT_CFA_OTHER = 9,     /* needs a register that is not tracked: ends as CFA */
	JT_CFA_CLONE = 10,  /* behind a clone: END in the new thread (ax is 0), RSP in its maker */
	JT_CFA_IN_RDI = 11, /* rsp + cfa_off; the return address is in rdi: glibc's vfork, a leaf */
	JT_CFA_FRAMES = 12, /* no rule, but rbp frames: V8's builtins */
};

#define JT_REG_SAME    0 /* register unchanged; any other value: saved at CFA + value */
#define JT_REG_UNKNOWN 1 /* lost (odd, so it cannot be an offset) */

struct jt_rule {
	__s32 cfa_off;
	__s32 cfa_add;
	__s16 rbp_off; /* JT_REG_SAME, JT_REG_UNKNOWN or a negative multiple of 8 */
	__s16 rbx_off;
	__s16 ra_off; /* where the return address is, from the CFA: -8 */
	__u8 cfa_kind;
	__u8 flags;
};

/* Functions that realign their stack: rbp_off and rbx_off count from rbp, not from the CFA, and
 * rbp_off 0 is a place (*rbp), not JT_REG_SAME. */
#define JT_RULE_SAVED_AT_RBP 1

/* Rows of one binary lie together, sorted by pc. */
struct jt_row {
	__u32 pc;   /* ELF virtual address; binaries over 4 GiB are refused */
	__u32 rule; /* index into the rules */
};

enum jt_range_kind {
	JT_RANGE_NATIVE = 1,  /* rows first_row .. first_row + rows */
	JT_RANGE_HOTSPOT = 2, /* HotSpot code cache; jvm is valid */
	JT_RANGE_NO_CFI = 3,  /* executable, nothing known about its frames */
	JT_RANGE_FRAMES = 4,  /* generated by V8: rbp frames */
};

/* An executable range of a process; ranges of a process are sorted by start, do not overlap. */
struct jt_range {
	__u64 start;
	__u64 end;
	__u64 bias; /* pc - bias is the ELF virtual address */
	__u32 first_row;
	__u32 rows;
	__u32 mapping; /* id that user space gave this mapping; stable while it stands */
	__u16 kind;
	__u16 jvm;
};

/* ---------------------------------------------------------------- HotSpot */
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
};

/* ---------------------------------------------------------------- counts and records */
struct jt_stack_key {
	__u64 hash;         /* of frames and status, seeded per run */
	__u32 frames;       /* also a check on the hash */
	__u32 tgid;         /* in the initial pid namespace */
	__u32 tid;          /* 0 unless cfg.by_thread */
	__u32 event;        /* index of the event in this run */
	__s32 kernel_stack; /* id in the stack map, or < 0: none */
	__s32 user_stack;   /* --cstack fp only, else < 0 */
	__u32 status;       /* enum jt_status */
	__u32 pad;
};

enum jt_record_type {
	JT_RECORD_STACK = 1,    /* jt_stack_record: a stack seen for the first time */
	JT_RECORD_DEFERRED = 2, /* jt_deferred_record: one event, walk not done */
	JT_RECORD_NOTICE = 3,   /* jt_notice_record */
	JT_RECORD_CHECK = 4,    /* jt_deferred_record of an event that was counted under its key */
};

struct jt_record_head {
	__u32 type;
	__u32 pad;
	__u64 time_ns; /* CLOCK_MONOTONIC */
};

#define JT_NO_EPOCH (~0ULL)
struct jt_stack_record {
	struct jt_record_head head;
	struct jt_stack_key key;
	__u64 epoch;        /* of class unloading, at the event; JT_NO_EPOCH: not known */
	__u32 space, pad;   /* process whose tables the walk used */
	struct jt_regs end; /* registers where the walk ended */
	struct jt_frame frame[JT_MAX_FRAMES]; /* leaf first; only key.frames of them are sent */
};

struct jt_deferred_record {
	struct jt_record_head head;
	struct jt_stack_key key; /* hash and frames are 0 where the walk is not done */
	__u64 epoch;             /* as in a stack record */
	__u32 space, pad2;       /* as in a stack record */
	struct jt_regs regs;     /* at the event */
	__u32 tid;
	__u32 stack_bytes;
	__u32 absent; /* bit n: the n-th page, from sp's on, could not be read */
	__u32 pad;
	__u8 stack[JT_DEFER_BYTES]; /* from regs.sp upwards; only stack_bytes are sent */
};

enum jt_notice {
	JT_NOTICE_MAPPING = 1, /* executable mapping made or changed */
	JT_NOTICE_EXEC = 2,
	JT_NOTICE_EXIT = 3,   /* last thread of the process */
	JT_NOTICE_THREAD = 4, /* the JavaThread of thread `lo` was not found */
	JT_NOTICE_TARGET =
		5, /* a process became a target; lo: its birth, hi: of whom its tables are */
};

struct jt_notice_record {
	struct jt_record_head head;
	__u32 notice;
	__u32 tgid;
	__u32 seq;
	__u32 pad;
	__u64 lo, hi;
};

enum jt_cstack {
	JT_CSTACK_MIXED = 0, /* CFI and HotSpot */
	JT_CSTACK_FP = 1,    /* bpf_get_stackid */
};

/* ---------------------------------------------------------------- configuration */
/* In .rodata, written between open and load; branches on it cost nothing at run time. */
struct jt_config {
	__u64 hash_seed;
	__u32 only_tgid;   /* the one target, 0: look into the targets map */
	__u32 max_frames;  /* <= JT_MAX_FRAMES */
	__u32 cstack;      /* enum jt_cstack */
	__u32 interval;    /* every Nth event of a CPU is kept; 0 and 1: all */
	__u32 regs_offset; /* of the user's pt_regs on the kernel stack, without the helper */
	__u8 by_thread, has_cookie; /* bpf_get_attach_cookie for perf tracepoints, 5.15 */
	__u8 has_task_pt_regs;      /* bpf_task_pt_regs, 5.15 */
	__u8 count_cost;            /* count user reads and look-ups */
	__u8 check_walks;           /* send what each walk read of the stack, too */
	__u8 has_filters;           /* some event has a filter: event_specs */
	__u8 follow;                /* children of targets are targets */
	__u8 every;                 /* who is no target may become one: see comm */
	/* The globs of --comm as one automaton: state n is bit n. Without any all names match. */
	__u64 comm_start, comm_end, comm_stars;
	__u64 comm_takes[256]; /* by character: the states that it leads to the next one from */
	__u32 cgroups;         /* used of the map of that name; 0: wherever they are */
	__u8 only_tids;        /* threads in the map of that name */
	__u8 has_comm;
	__u8 pad[2];
};

/* Attach cookie: event index, and this bit where its kernel stack is wanted. */
#define JT_COOKIE_KERNEL (1ULL << 32)

static_assert(sizeof(struct jt_frame) == 16, "ABI");
static_assert(sizeof(struct jt_rule) == 16, "ABI");
static_assert(sizeof(struct jt_row) == 8, "ABI");
static_assert(sizeof(struct jt_range) == 40, "ABI");
static_assert(sizeof(struct jt_hotspot) == 288, "ABI");
static_assert(sizeof(struct jt_stack_key) == 40, "ABI");
static_assert(sizeof(struct jt_stack_record) == 128 + 16 * JT_MAX_FRAMES, "ABI");
static_assert(sizeof(struct jt_notice_record) == 48, "ABI");
#endif
