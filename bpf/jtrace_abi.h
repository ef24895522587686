/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel side and user space agree on: keys, values, tables, records, reasons.
 * With those it includes the only header that both include. Fixed widths, explicit padding, sizes
 * asserted below. Addresses are the target's virtual, sizes are bytes unless a name says words.
 */
#ifndef JTRACE_ABI_H
#define JTRACE_ABI_H

#ifndef __bpf__
#include <stdint.h>
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#endif

#include "event_abi.h"
#include "governor_abi.h"
#include "hotspot_abi.h"
#include "recall_abi.h"
#include "target_abi.h"

#define JT_ABI_VERSION 1

#define JT_MAX_FRAMES   2048   /* physical frames of one walk; real Java stacks pass 1 100 */
#define JT_MAX_RANGES   4096   /* executable ranges of one process */
#define JT_RANGE_SLOTS  65536  /* ranges of all processes and generations, where pids are given */
#define JT_MANY_RANGES  262144 /* ... where processes come while tracing */
#define JT_MAX_RULES    65536  /* distinct unwind rules of all binaries */
#define JT_MAX_JVMS     1024   /* at a time */
#define JT_MAX_TARGETS  1024
#define JT_MAX_EVENTS   4096
#define JT_BLOB_BYTES   512    /* HeapBlock + CodeBlob header, read at once */
#define JT_DEFER_BYTES  65536  /* stack copied with an event whose walk user space finishes */
#define JT_MAX_TUPLES   16384  /* distinct values of all --by together */
#define JT_STACK_TUPLES 1024   /* of one stack; with a weight: values and size classes */
#define JT_MAX_CALLS    16384  /* threads in a call, or switched out, whose begin is noted */
#define JT_MAX_OPENED   131072 /* descriptors, by their numbers, that calls made */

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
/* fired = kept + filtered + sampled out + rate limited + lost{...}; kept is the sum over the counts
 * map plus the deferred records, and so is what they are scaled to. Of calls, and of all that has a
 * begin and an end, those that ended. They grow from the begin of the trace; what a window adds is
 * the difference. */
#define JT_COUNTER_LIST(X) \
	X(FIRED, "fired")   /* events of targets */ \
	X(OTHERS, "others") /* events of processes that are no target */ \
	X(KEPT, "kept") \
	X(SCALED, "kept, scaled")       /* governor: events that those stand for */ \
	X(SPREAD, "its variance")       /* sum of N * (N - 1) over what was kept as one of N */ \
	X(DEFERRED, "deferred")         /* of kept: walk finished in user space */ \
	X(FILTERED, "filtered")         /* --filter */ \
	X(SAMPLED_OUT, "sampled out")   /* -i N, and the governor */ \
	X(RATE_LIMITED, "rate limited") /* --max-rate: what sampling did not hold back */ \
	X(FILTER_UNREADABLE, "filter: values that could not be read") \
	X(FILTER_TOO_LONG, "filter: strings too long to be compared") \
	X(LOST_RING, "lost: ring buffer full") \
	X(LOST_COUNTS, "lost: counts map full") \
	X(LOST_NESTED, "lost: nested event") \
	X(LOST_CALLS, "lost: no room for the begin of a call") \
	X(CALLS_BEFORE, "calls in flight at start") \
	X(CALLS_NO_BEGIN, "ends of calls without a begin") \
	X(CALLS_NO_END, "begins without an end") \
	X(OPENED, "descriptors opened") \
	X(LEFT_OPEN, "descriptors open at the end") \
	X(FDS_UNSEEN, "processes whose descriptors were not all looked at") \
	X(VALUES_UNREADABLE, "values that could not be read") \
	X(VALUES_OTHER, "events whose values had no room") \
	X(LOST_TARGETS, "lost: no room for another process") \
	X(KERNEL_COLLISION, "kernel stack id collisions") \
	X(USER_COLLISION, "user stack id collisions") \
	X(NOTICE_LOST, "mapping notices that found no room") \
	X(UNCHECKED, "walks not sent to be checked") \
	X(NOT_LISTED, "events that are counted, but not listed") \
	/* cost counters, only with cfg.count_cost */ \
	X(COST_READS, "user reads") \
	X(COST_LOOKUPS, "map lookups") \
	X(COST_FRAMES, "frames walked") \
	X(COST_NATIVE, "native frames walked") \
	JT_RECALL_COUNTER_LIST(X)

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

/* ---------------------------------------------------------------- counts and records */
struct jt_stack_key {
	__u64 hash;                  /* of frames and status, seeded per run */
	__u64 values;                /* jt_values::id */
	__u32 frames;                /* also a check on the hash */
	__u32 tgid;                  /* in the initial pid namespace */
	__u32 tid;                   /* 0 unless cfg.by_thread */
	__u32 event;                 /* index of the event in this run */
	__s32 kernel_stack;          /* id in the stack map, or < 0: none */
	__s32 user_stack;            /* --cstack fp only, else < 0 */
	__u32 status;                /* enum jt_status */
	__u8 bucket[JT_MAX_WEIGHTS]; /* of each weight: 0 for 0, n + 1 for 2^n .. 2^(n+1) - 1 */
	__u16 pad;
};

/* What events add up to under one key. All but `kept` is scaled by the governor. */
struct jt_sum {
	__u64 count;
	__u64 errors; /* of count: calls that failed */
	__u64 weight[JT_MAX_WEIGHTS];
	__u64 kept; /* events; only kept up where cfg.has_governor, else it is `count` */
};

/* What has begun and is counted when it ends. */
struct jt_held {
	struct jt_stack_key key;
	struct jt_sum sum;
	__u64 time_ns;
	__u64 file; /* of a descriptor: struct file * */
	__u32 tid, pad;
};

enum jt_record_type {
	JT_RECORD_STACK = 1,    /* jt_stack_record: a stack seen for the first time */
	JT_RECORD_DEFERRED = 2, /* jt_deferred_record: one event, walk not done */
	JT_RECORD_NOTICE = 3,   /* jt_notice_record */
	JT_RECORD_CHECK = 4,    /* jt_deferred_record of an event that was counted under its key */
	JT_RECORD_VALUES = 5,   /* jt_values_record: values seen for the first time */
	JT_RECORD_EVENT = 6,    /* jt_event_record: one event, counted under its key */
};

struct jt_record_head {
	__u32 type;
	__u16 exact;   /* deferred and check: the registers' pc is where the thread is */
	__u16 window;  /* stacks, values, events: 1: of a window with an odd number */
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
	struct jt_sum sum;       /* of this one event */
	__u64 epoch;             /* as in a stack record */
	__u32 space, pad2;       /* as in a stack record */
	struct jt_regs regs;     /* at the event */
	__u32 tid;
	__u32 stack_bytes;
	__u32 absent; /* bit n: the n-th page, from sp's on, could not be read */
	__u32 pad;
	__u8 stack[JT_DEFER_BYTES]; /* from regs.sp upwards; only stack_bytes are sent */
};

/* Of events that are wanted one by one; behind what it takes to know their key. */
struct jt_event_record {
	struct jt_record_head head;
	struct jt_stack_key key;
	struct jt_sum sum; /* of this one event */
	__u32 tid, pad;
};

struct jt_values_record {
	struct jt_record_head head;
	struct jt_values values; /* only values.count of them are sent */
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
	__u8 has_specs;             /* event_specs says more than how to filter */
	__u8 has_values;            /* some event shows values */
	__u8 has_sums;              /* some event has a weight, or tells errors */
	__u8 has_held;              /* some event is counted when another one ends it */
	__u8 has_opens;             /* ... where its descriptors are open at the end */
	__u8 lists_events;          /* each event is sent, too */
	__u8 follow;                /* children of targets are targets */
	__u8 every;                 /* who is no target may become one: see comm */
	/* The globs of --comm as one automaton: state n is bit n. Without any all names match. */
	__u64 comm_start, comm_end, comm_stars;
	__u64 comm_takes[256]; /* by character: the states that it leads to the next one from */
	__u32 cgroups;         /* used of the map of that name; 0: wherever they are */
	__u8 only_tids;        /* threads in the map of that name */
	__u8 has_comm;
	__u8 has_raw_cookie;       /* bpf_get_attach_cookie for raw tracepoints, 6.10 */
	__u8 has_governor;         /* events are sampled by governor.bpf.h */
	__u8 has_max_rate;         /* ... and capped */
	__u8 has_windows;          /* two sets of counts, by turns */
	__u8 recall;               /* enum jt_recall */
	__u8 joins;                /* a walk may end where the rest of another one is met */
	__u32 events, recall_mask; /* events' numbers are below; entries of `remembered`, less 1 */
};

/* Attach cookie: event index, and this bit where its kernel stack is wanted. */
#define JT_COOKIE_KERNEL (1ULL << 32)

static_assert(sizeof(struct jt_frame) == 16, "ABI");
static_assert(sizeof(struct jt_rule) == 16, "ABI");
static_assert(sizeof(struct jt_row) == 8, "ABI");
static_assert(sizeof(struct jt_range) == 40, "ABI");
static_assert(sizeof(struct jt_stack_key) == 48, "ABI");
static_assert(sizeof(struct jt_stack_record) == 136 + 16 * JT_MAX_FRAMES, "ABI");
static_assert(sizeof(struct jt_event_record) == 112, "ABI");
static_assert(sizeof(struct jt_notice_record) == 48, "ABI");
#endif
