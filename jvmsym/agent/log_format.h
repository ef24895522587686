/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log that the agent writes and the tracer follows: a head, then records, each whole or not
 * there. Numbers as the processor has them: writer and reader share a machine. Times are
 * CLOCK_MONOTONIC, that of the kernel side's records.
 */
#ifndef JTRACE_AGENT_LOG_FORMAT_H
#define JTRACE_AGENT_LOG_FORMAT_H

#include <stdint.h>

/* Of the memfd; /proc/PID/fd shows it as "/memfd:NAME (deleted)". */
#define JT_AGENT_LOG_NAME "jtrace-jvm-symbols"
#define JT_AGENT_LOG_MAGIC 0x31474f4c4154544aULL /* "JTTALOG1" */

#define JT_AGENT_CAP (64U << 20) /* bytes of one log, unless the agent is told otherwise */
#define JT_AGENT_CAP_MIN 4096U
#define JT_AGENT_RECORD_MAX (1U << 20)
#define JT_AGENT_TEXT_MAX 4096U /* bytes of one name */
#define JT_AGENT_METHODS 1024U  /* of one record: itself and what was inlined */
#define JT_AGENT_CODE_MAX (64U << 20)
#define JT_AGENT_NO_NODE 0xffffffffU

struct jt_agent_head {
  uint64_t magic;
  uint64_t start_ns;
  uint64_t full_ns;    /* 0, or: from then on records are missing, unloads among them */
  uint64_t dropped;    /* records that found no room */
  uint64_t stopped_ns; /* 0, or: no events since */
  uint64_t reserved;
};

enum jt_agent_record_type {
  JT_AGENT_LOAD = 1,
  JT_AGENT_UNLOAD = 2,
  JT_AGENT_STUB = 3,
};

/* The code was there before the log began. */
#define JT_AGENT_REPLAYED 1U

struct jt_agent_record {
  uint32_t bytes; /* of the whole record; a multiple of 8 */
  uint16_t type;
  uint16_t flags;
  uint64_t time_ns;
};

/* Then nodes, pcs, method heads, and the methods' texts in their order. */
struct jt_agent_load {
  struct jt_agent_record head;
  uint64_t code; /* first byte of code */
  uint32_t code_bytes;
  uint32_t compile_id; /* 0: could not be read */
  int32_t comp_level;  /* 0: could not be read, or a native method's wrapper */
  uint32_t methods;    /* the first is the compiled method itself */
  uint32_t nodes;
  uint32_t pcs; /* by rising offset */
};

/* A frame of an inlining; its caller's node comes before its own. */
struct jt_agent_node {
  uint32_t caller; /* JT_AGENT_NO_NODE: it is the compiled method itself */
  uint32_t method;
  int32_t bci;
  uint32_t line; /* 0: not known */
};

struct jt_agent_pc {
  uint32_t offset; /* from code */
  uint32_t node;   /* innermost */
};

/* Bytes of "Lpkg/Class;", "name", "(I)V", "Class.java" (0: not known). */
struct jt_agent_method {
  uint16_t class_bytes, name_bytes, signature_bytes, source_bytes;
};

struct jt_agent_unload {
  struct jt_agent_record head;
  uint64_t code;
};

/* Then its name. */
struct jt_agent_stub {
  struct jt_agent_record head;
  uint64_t code;
  uint32_t code_bytes;
  uint32_t name_bytes;
};

#endif
