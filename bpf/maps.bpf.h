/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every map but the governor's and those of entry.bpf.h, who writes it, how it is sized.
 * max_entries of those marked [set] are set by user space before loading.
 */
#pragma once

#include "event_abi.h"
#include "walk.h"

/* tgid -> jt_target [set]. Written by user space, replaced whole; where processes come while
 * tracing, BPF makes entries, too. jt_fork deletes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, JT_MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct jt_target);
} targets SEC(".maps");

/* tgid -> jt_dirty [set]. Written by BPF when executable mappings change; entries are made with
 * those of `targets`. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, JT_MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct jt_dirty);
} dirty SEC(".maps");

/* Ranges of all processes, one run of them per process and generation [set]. Written by user space.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JT_RANGE_SLOTS);
	__type(key, __u32);
	__type(value, struct jt_range);
} ranges SEC(".maps");

/* Unwind rows of all binaries [set]. Written by user space, which maps what it writes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct jt_row);
} rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JT_MAX_RULES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct jt_rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JT_MAX_JVMS);
	__type(key, __u32);
	__type(value, struct jt_hotspot);
} jvms SEC(".maps");

/* State of the walk under way, by CPU [set]. A plain array: values over 32 KiB do not fit per-CPU
 * memory. take_scratch() says who guards it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_walk);
} scratch SEC(".maps");

/* What was found of a pc lately, JT_KNOWN_PCS by CPU [set], as the scratch is. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JT_KNOWN_PCS);
	__type(key, __u32);
	__type(value, struct jt_known_pc);
} known_pcs SEC(".maps");

/* By CPU [set]. A page more than is sent: the verifier adds largest read and largest offset. */
struct jt_defer_buffer {
	struct jt_deferred_record record;
	__u8 slack[4096];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_defer_buffer);
} defer_scratch SEC(".maps");

/* What was met of each stack [set]. A key that is here has had its frames and values sent. This one
 * and the next three are there twice, for windows by turns (windows.bpf.h). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct jt_stack_key);
	__type(value, struct jt_sum);
} counts SEC(".maps"), odd_counts SEC(".maps");

/* Where keys tell more than stacks apart: stacks whose frames were sent (keys without values and
 * buckets), and how many keys each has [set]. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct jt_stack_key);
	__type(value, __u32);
} stacks SEC(".maps"), odd_stacks SEC(".maps");

/* Ids of the values that were sent [set]. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} tuples SEC(".maps"), odd_tuples SEC(".maps");

/* Values of the event under way that are shown, by CPU [set]. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_values_record);
} values SEC(".maps");

/* tid -> the call it is in, or was in last [set]. Dropped when the thread ends. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_begun);
} calls SEC(".maps");

/* What has begun and is counted when it ends [set]. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct jt_pair_key);
	__type(value, struct jt_held);
} held SEC(".maps");

/* Kernel stacks, and user stacks of --cstack fp [set]. */
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 127 * sizeof(__u64));
} stack_ids SEC(".maps"), odd_stack_ids SEC(".maps");

/* Records to user space [set]: stacks at first sight, deferred walks, notices. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} ring SEC(".maps");

/* Events of each kind so far on this CPU, for -i. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, JT_MAX_EVENTS);
	__type(key, __u32);
	__type(value, __u32);
} turns SEC(".maps");

/* By event number [set]. Written by user space before the event is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_event_spec);
} event_specs SEC(".maps");

/* Of all events, each from its spec's first_pattern on [set]. Written with the specs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_pattern);
} patterns SEC(".maps");

/* Values of the event under way, by CPU [set]. `scratch` says why nothing comes between. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_fields);
} fields SEC(".maps");

struct jt_counters {
	__u64 value[JT_COUNTER_COUNT];
};

/* [set] */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct jt_counters);
} counters SEC(".maps");

/* tid -> (address, bytes) while it is inside a call that makes something executable. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct jt_span);
} mapping_calls SEC(".maps");

/* tid -> address of its JavaThread, 0: not found yet. Filled by user space at the attach and by BPF
 * for new threads; what BPF does not find user space looks for. Dropped when the thread ends. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} java_threads SEC(".maps");

/* tid of a child that its maker lent its memory (vfork, posix_spawn) -> where the maker waits.
 * Written at the fork, dropped when the child executes or ends. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct jt_maker);
} makers SEC(".maps");

/* --cgroup, --container: the first cfg.cgroups [set]. Written by user space before loading ends. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, JT_MAX_CGROUPS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} cgroups SEC(".maps");

/* --tid. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, JT_MAX_TIDS);
	__type(key, __u32);
	__type(value, __u32);
} tids SEC(".maps");

/* The walk's step again, for kernels without bpf_loop; programs of one map are of one type. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} chain SEC(".maps"), raw_chain SEC(".maps");
