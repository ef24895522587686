/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A count of every helper call by what it does, for the bench (`run cost`): included before all
 * else
 * (`-include`) in a second object of the same source. The object that is used has nothing of it.
 * Where one process is traced, only what was called for that one counts.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "jtrace_abi.h"
#include "config.bpf.h"

/* The bench reads the names by BTF. Look-ups are told apart since what they cost differs: in an
 * array it is an addition, compiled in place. */
struct {
	__u64 read_user;
	__u64 read_user_text;
	__u64 read_kernel;
	__u64 read_kernel_text;
	__u64 look_up_hash;
	__u64 look_up_array;
	__u64 map_update;
	__u64 map_delete;
	__u64 ring_output;
	__u64 ring_query;
	__u64 stack_id;
	__u64 loop;
	__u64 tail_call;
	__u64 cookie;
	__u64 clock;
	__u64 pid_tgid;
	__u64 current_task;
	__u64 cpu;
	__u64 random;
	__u64 registers;
	__u64 comm;
	__u64 uid_gid;
	__u64 cgroup;
} helper_calls SEC(".data.calls");

static __always_inline bool jt_counts_calls(void)
{
	return !cfg.only_tgid || bpf_get_current_pid_tgid() >> 32 == cfg.only_tgid;
}

#define jt_called(kind) \
	({ \
		if (jt_counts_calls()) \
			__sync_fetch_and_add(&helper_calls.kind, 1); \
	})

/* Maps that are told by window have lost their type, and are hash tables all. */
struct jt_some_hash {
	int (*type)[BPF_MAP_TYPE_HASH];
};

#define jt_map_type(map) \
	(sizeof(*_Generic((map), void *: (struct jt_some_hash *)0, default: (map))->type) / \
	 sizeof(int))

#define bpf_map_lookup_elem(map, key) \
	({ \
		if (jt_map_type(map) == BPF_MAP_TYPE_ARRAY || \
		    jt_map_type(map) == BPF_MAP_TYPE_PERCPU_ARRAY) \
			jt_called(look_up_array); \
		else \
			jt_called(look_up_hash); \
		bpf_map_lookup_elem(map, key); \
	})

#define jt_counted(kind, call) \
	({ \
		jt_called(kind); \
		call; \
	})

#define bpf_probe_read_user(...) jt_counted(read_user, bpf_probe_read_user(__VA_ARGS__))
#define bpf_probe_read_user_str(...) \
	jt_counted(read_user_text, bpf_probe_read_user_str(__VA_ARGS__))
#define bpf_probe_read_kernel(...) jt_counted(read_kernel, bpf_probe_read_kernel(__VA_ARGS__))
#define bpf_probe_read_kernel_str(...) \
	jt_counted(read_kernel_text, bpf_probe_read_kernel_str(__VA_ARGS__))
#define bpf_map_update_elem(...)    jt_counted(map_update, bpf_map_update_elem(__VA_ARGS__))
#define bpf_map_delete_elem(...)    jt_counted(map_delete, bpf_map_delete_elem(__VA_ARGS__))
#define bpf_ringbuf_output(...)     jt_counted(ring_output, bpf_ringbuf_output(__VA_ARGS__))
#define bpf_ringbuf_query(...)      jt_counted(ring_query, bpf_ringbuf_query(__VA_ARGS__))
#define bpf_get_stackid(...)        jt_counted(stack_id, bpf_get_stackid(__VA_ARGS__))
#define bpf_loop(...)               jt_counted(loop, bpf_loop(__VA_ARGS__))
#define bpf_tail_call(...)          jt_counted(tail_call, bpf_tail_call(__VA_ARGS__))
#define bpf_get_attach_cookie(...)  jt_counted(cookie, bpf_get_attach_cookie(__VA_ARGS__))
#define bpf_ktime_get_ns()          jt_counted(clock, bpf_ktime_get_ns())
#define bpf_jiffies64()             jt_counted(clock, bpf_jiffies64())
#define bpf_get_current_pid_tgid()  jt_counted(pid_tgid, bpf_get_current_pid_tgid())
#define bpf_get_current_task()      jt_counted(current_task, bpf_get_current_task())
#define bpf_get_current_task_btf()  jt_counted(current_task, bpf_get_current_task_btf())
#define bpf_get_smp_processor_id()  jt_counted(cpu, bpf_get_smp_processor_id())
#define bpf_get_prandom_u32()       jt_counted(random, bpf_get_prandom_u32())
#define bpf_task_pt_regs(...)       jt_counted(registers, bpf_task_pt_regs(__VA_ARGS__))
#define bpf_get_current_comm(...)   jt_counted(comm, bpf_get_current_comm(__VA_ARGS__))
#define bpf_get_current_uid_gid()   jt_counted(uid_gid, bpf_get_current_uid_gid())
#define bpf_get_current_cgroup_id() jt_counted(cgroup, bpf_get_current_cgroup_id())
#define bpf_current_task_under_cgroup(...) \
	jt_counted(cgroup, bpf_current_task_under_cgroup(__VA_ARGS__))
