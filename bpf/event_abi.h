/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an event's data is to both sides: where its values are, which of them are compared with
 * what, shown, or added up. User space checks and compiles (user/filter), event_fields.h,
 * event_filter.h and event_values.h obey.
 */
#ifndef JTRACE_EVENT_ABI_H
#define JTRACE_EVENT_ABI_H

#ifndef __bpf__
#include <stdint.h>
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#endif

#define JT_MAX_VALUES       16   /* distinct values of one event */
#define JT_MAX_PREDICATES   32   /* comparisons of one event's filter */
#define JT_TEXT_BYTES       1024 /* of a string that is read, its 0 included */
#define JT_PATTERN_TOKENS   256  /* of a pattern, JT_TOKEN_END included */
#define JT_MAX_CLASSES      8    /* [...] of a pattern */
#define JT_MAX_RECORD       8192 /* PERF_MAX_TRACE_SIZE */
#define JT_MAX_BY           4    /* values that are shown, of one event */
#define JT_MAX_WEIGHTS      2    /* values that are added up, of one event */
#define JT_NO_VALUE         0xff /* instead of an index of a value */
#define JT_MAX_CALL_NUMBERS 1024 /* of system calls; 6.18 has 470 */

enum jt_value_kind {
	JT_VALUE_NONE = 0,
	/* numbers */
	JT_VALUE_RECORD = 1,   /* `bytes` at `offset` of the record */
	JT_VALUE_ERRNO = 2,    /* of such a one, a system call's result: -1 .. -4095 is 1 .. 4095 */
	JT_VALUE_CONSTANT = 3, /* the same for each event: `offset` */
	JT_VALUE_TID = 4,
	JT_VALUE_TGID = 5,
	JT_VALUE_UID = 6,
	JT_VALUE_CGROUP = 7, /* id: inode of its directory */
	JT_VALUE_CPU = 8,
	/* strings */
	JT_VALUE_ARRAY = 16,         /* `size` bytes in the record, or up to a 0 */
	JT_VALUE_DATA_LOC = 17,      /* u32 there: length << 16 | offset in the record */
	JT_VALUE_REL_LOC = 18,       /* the same, from behind itself */
	JT_VALUE_USER_STRING = 19,   /* pointer there, into the task's memory */
	JT_VALUE_KERNEL_STRING = 20, /* pointer there, into the kernel's */
	JT_VALUE_COMM = 21,
	JT_VALUE_FD_PATH = 22, /* what the file descriptor there is open on: fd_abi.h */
};

#define JT_VALUE_FIRST_STRING JT_VALUE_ARRAY

/* A number of `bytes` bytes goes up by `left` and down by `right` bits: what is not its own falls
 * off, and the way down is the sign's where it has one. */
struct jt_value {
	__u32 offset; /* offset + the bytes read there <= jt_event_spec::record_bytes */
	__u16 size;
	__u8 kind;
	__u8 bytes; /* 1 to 8 */
	__u8 left, right;
	__u8 is_signed;
	__u8 pad[5];
};

/* Of numbers: the outcomes of which one makes it true, less, equal or greater; signed or not as the
 * value. */
enum jt_operation {
	JT_OP_LT = 1,
	JT_OP_EQ = 2,
	JT_OP_LE = 3,
	JT_OP_GT = 4,
	JT_OP_NE = 5,
	JT_OP_GE = 6,
	JT_OP_MATCH = 8, /* of a string: pattern number `constant` of the event */
	JT_OP_NO_MATCH = 9,
};

/* One comparison, and which one is next: a later one, or the verdict. So && || ! are jumps. */
struct jt_predicate {
	__u64 mask; /* of a number, before it is compared */
	__u64 constant;
	__u8 value; /* index */
	__u8 op;
	__u8 when_true, when_false;
	__u32 pad;
};

#define JT_VERDICT_PASS   0xfe
#define JT_VERDICT_REJECT 0xff

/* jt_event_spec::flags */
#define JT_EVENT_CALL  1 /* the end of a system call: its record is a jt_call */
#define JT_EVENT_TIMED 2 /* of a call: its begin is noted, for the latency */
#define JT_EVENT_FORKS \
	4               /* of a call: where it returns 0 it does so in the child, and is no call \
	                 */
#define JT_EVENT_HELD 8 /* the begin of what another event ends: counted then, by jt_held_end */
#define JT_EVENT_OPENS \
	16 /* of a call: it makes descriptors, and counts where they are open at the end */
#define JT_EVENT_NO_USER \
	32 /* of a HELD one: an interrupt, and the user's stack is that of a bystander */
#define JT_EVENT_ENTRY \
	64 /* the begin of a call, not by its tracepoint: its record is a jt_call \
	    */
#define JT_EVENT_EXIT \
	128 /* the end of a call, not by its tracepoint: a jt_call whose first argument is the \
	     * result, which is where that one's record has it */
#define JT_EVENT_MADE (JT_EVENT_CALL | JT_EVENT_ENTRY | JT_EVENT_EXIT)

/* Of one event number. Those of what is not there are JT_NO_VALUE. */
struct jt_event_spec {
	__u32 record_bytes;
	__u32 first_pattern; /* in the table of all events' patterns */
	__u16 values;
	__u16 predicates; /* 0: every event passes */
	__u32 flags;
	__u64 min_latency; /* ns */
	__u8 by[JT_MAX_BY];
	__u8 weight[JT_MAX_WEIGHTS]; /* numbers; below 0 is 0 */
	__u8 error;                  /* number that is not 0 where a call failed */
	__u8 latency;                /* of a HELD one: which weight it is; else not looked at */
	__u8 pair[2];     /* what begin and end of a HELD one share: in the begin's record */
	__u8 pair_end[2]; /* and in the end's */
	__u8 fds_arg; /* of one that OPENS: argument that leads to two; else its result is one */
	__u8 pad[3];
	struct jt_value value[JT_MAX_VALUES];
	struct jt_predicate predicate[JT_MAX_PREDICATES];
};

/* Tokens of a pattern: a byte stands for itself. */
#define JT_TOKEN_END   0
#define JT_TOKEN_ANY   256 /* ? */
#define JT_TOKEN_STAR  257
#define JT_TOKEN_CLASS 258 /* + index: [...] */

struct jt_pattern {
	__u16 tail;        /* index behind the last star; 0: there is none */
	__u16 tail_tokens; /* from there to the end: as many bytes of text */
	__u32 pad;
	__u16 token[JT_PATTERN_TOKENS];
	__u8 classes[JT_MAX_CLASSES][32]; /* a bit for each byte that is in */
};

/* A value that was read. */
struct jt_text {
	__u64 number;
	__s32 bytes; /* of a string, without its 0; < 0: it could not be read */
	__u32 cut;   /* there is more than has room */
	char text[JT_TEXT_BYTES];
};

/* A system call at its end, laid out as the record of its begin, with two values behind. Made of
 * the saved registers, so calls whose begin was not seen (seccomp refuses before it) have it too.
 */
struct jt_call {
	__u64 common;
	__u64 nr;
	__u64 arg[6];
	__s64 ret;
	__u64 latency; /* ns; 0 where the begin was not noted */
	__s32 fd[2];   /* of one that OPENS: what it made; -1: no second one */
};

/* What is read of the event under way; one per CPU. */
struct jt_fields {
	__u64 record;     /* its address */
	__u32 text_value; /* index + 1 of the value whose string is in `text`; 0: none */
	/* the match under way: position in text and pattern, and where to go on when it fails */
	__u32 at, token, mark, star;
	__u32 pad;
	struct jt_call call;
	struct jt_text text;
};

/* The values of one event that are shown. */
struct jt_values {
	__u64 id;    /* hash of event and values, JT_FIRST_VALUES at least */
	__u32 event; /* number */
	__u32 count;
	__u32 tgid; /* that showed them first */
	__u32 pad;
	struct jt_text value[JT_MAX_BY];
};

#define JT_NO_VALUES    0
#define JT_OTHER_VALUES 1 /* more than there is room for: [other] */
#define JT_FIRST_VALUES 2

/* The call that a thread is in, or was in last. */
struct jt_begun {
	__u64 time_ns;
	__u32 event;
	__u32 open;  /* it has not ended */
	__u32 ratio; /* of so many calls one is kept; 0: this one is not */
	__u32 pad;
};

/* What begin and end of a HELD event share. Of a descriptor: itself, its process, JT_OPENED. */
struct jt_pair_key {
	__u64 id[2];
	__u64 event;
};

#define JT_OPENED (~0ULL)

#ifndef __cplusplus
#define static_assert _Static_assert
#endif
static_assert(sizeof(struct jt_value) == 16, "ABI");
static_assert(sizeof(struct jt_predicate) == 24, "ABI");
static_assert(sizeof(struct jt_event_spec) == 40 + 16 * JT_MAX_VALUES + 24 * JT_MAX_PREDICATES,
              "ABI");
static_assert(sizeof(struct jt_pattern) == 8 + 2 * JT_PATTERN_TOKENS + 32 * JT_MAX_CLASSES, "ABI");
static_assert(sizeof(struct jt_text) == 16 + JT_TEXT_BYTES, "ABI");
static_assert(sizeof(struct jt_call) == 88, "ABI");
static_assert(sizeof(struct jt_fields) == 32 + 88 + 16 + JT_TEXT_BYTES, "ABI");
static_assert(sizeof(struct jt_values) == 24 + JT_MAX_BY * (16 + JT_TEXT_BYTES), "ABI");
#endif
