/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an event's data is to both sides: where its values are, which of them are compared with
 * what. User space checks and compiles (user/filter), event_fields.h and event_filter.h obey.
 */
#ifndef JTRACE_EVENT_ABI_H
#define JTRACE_EVENT_ABI_H

#ifndef __bpf__
#include <stdint.h>
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#endif

#define JT_MAX_VALUES     16   /* distinct values of one event */
#define JT_MAX_PREDICATES 32   /* comparisons of one event's filter */
#define JT_TEXT_BYTES     1024 /* of a string that is read, its 0 included */
#define JT_PATTERN_TOKENS 256  /* of a pattern, JT_TOKEN_END included */
#define JT_MAX_CLASSES    8    /* [...] of a pattern */
#define JT_MAX_RECORD     8192 /* PERF_MAX_TRACE_SIZE */

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
	JT_VALUE_LATENCY = 9, /* of a call, at its end */
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

/* Of one event number. */
struct jt_event_spec {
	__u32 record_bytes;
	__u32 first_pattern; /* in the table of all events' patterns */
	__u16 values;
	__u16 predicates; /* 0: every event passes */
	__u32 pad;
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

/* What is read of the event under way; one per CPU. */
struct jt_fields {
	__u64 record;     /* its address */
	__u32 text_value; /* index + 1 of the value whose string is in `text`; 0: none */
	__s32 text_bytes; /* without its 0; < 0: it could not be read */
	__u32 text_cut;   /* there is more than has room */
	/* the match under way: position in text and pattern, and where to go on when it fails */
	__u32 at, token, mark, star;
	__u32 pad;
	char text[JT_TEXT_BYTES];
};

#ifndef __cplusplus
#define static_assert _Static_assert
#endif
static_assert(sizeof(struct jt_value) == 16, "ABI");
static_assert(sizeof(struct jt_predicate) == 24, "ABI");
static_assert(sizeof(struct jt_event_spec) == 16 + 16 * JT_MAX_VALUES + 24 * JT_MAX_PREDICATES,
              "ABI");
static_assert(sizeof(struct jt_pattern) == 8 + 2 * JT_PATTERN_TOKENS + 32 * JT_MAX_CLASSES, "ABI");
static_assert(sizeof(struct jt_text) == 16 + JT_TEXT_BYTES, "ABI");
static_assert(sizeof(struct jt_fields) == 40 + JT_TEXT_BYTES, "ABI");
#endif
