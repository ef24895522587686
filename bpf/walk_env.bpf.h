/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What walk.h asks of its surroundings, for BPF. Functions take scalars only and are global, so
 * that the verifier checks each once (pointer arguments of global functions came with 5.12). */
#pragma once

typedef __u32 jt_env_t;

#define JT_INLINE  __always_inline
#define JT_WALK_FN __noinline

/* Hides from the compiler what it knows of a value, so that it keeps a check the verifier needs. */
#define jt_opaque(value) barrier_var(value)

#define jt_load64(at) (*(const __u64 *)(at))
#define jt_load32(at) (*(const __u32 *)(at))

static __always_inline void jt_cost(enum jt_counter counter, __u64 n)
{
	if (cfg.count_cost)
		add(counter, n);
}

static __always_inline struct jt_walk *jt_walk_of(jt_env_t env)
{
	return bpf_map_lookup_elem(&scratch, &env);
}

#define jt_read(env, into, bytes, address) \
	({ \
		jt_cost(JT_COUNTER_COST_READS, 1); \
		bpf_probe_read_user(into, bytes, (const void *)(address)); \
	})

#define jt_read_code jt_read

static __always_inline const struct jt_range *jt_range_at(jt_env_t env, __u32 i)
{
	jt_cost(JT_COUNTER_COST_LOOKUPS, 1);
	return bpf_map_lookup_elem(&ranges, &i);
}

static __always_inline const struct jt_row *jt_row_at(jt_env_t env, __u32 i)
{
	jt_cost(JT_COUNTER_COST_LOOKUPS, 1);
	return bpf_map_lookup_elem(&rows, &i);
}

static __always_inline const struct jt_rule *jt_rule_at(jt_env_t env, __u32 i)
{
	jt_cost(JT_COUNTER_COST_LOOKUPS, 1);
	return bpf_map_lookup_elem(&rules, &i);
}

static __always_inline const struct jt_hotspot *jt_jvm_at(jt_env_t env, __u32 i)
{
	jt_cost(JT_COUNTER_COST_LOOKUPS, 1);
	return bpf_map_lookup_elem(&jvms, &i);
}

/* One of two places: return addresses that share one take turns in a stack, and would push each
 * other out at each frame. What was found by older tables gives way. */
static __always_inline struct jt_known_pc *jt_known_pc_at(jt_env_t env, const struct jt_walk *w,
                                                          __u64 pc)
{
	__u32 i = (__u32)((pc * 0x9e3779b97f4a7c15ULL) >> 32) % JT_KNOWN_PCS + env * JT_KNOWN_PCS;
	struct jt_known_pc *known = bpf_map_lookup_elem(&known_pcs, &i);

	jt_cost(JT_COUNTER_COST_LOOKUPS, 1);
	if (!known || known->pc == pc || known->tables != w->tables)
		return known;
	i ^= 1;
	jt_cost(JT_COUNTER_COST_LOOKUPS, 1);
	return bpf_map_lookup_elem(&known_pcs, &i);
}

static __always_inline __u64 jt_java_thread(jt_env_t env, __u32 tid)
{
	__u64 *thread = bpf_map_lookup_elem(&java_threads, &tid);

	jt_cost(JT_COUNTER_COST_LOOKUPS, 1);
	return thread ? *thread : JT_ASK_THREAD;
}

/* Where none was found user space goes on looking. */
static __always_inline void jt_keep_java_thread(jt_env_t env, __u32 tid, __u64 address)
{
	if (!bpf_map_update_elem(&java_threads, &tid, &address, BPF_NOEXIST) && !address)
		notify(JT_NOTICE_THREAD, bpf_get_current_pid_tgid() >> 32, 0, tid, tid);
}

static __always_inline void jt_drop_java_thread(jt_env_t env, __u32 tid)
{
	bpf_map_delete_elem(&java_threads, &tid);
}

/* Who made a process is waiting as long as the kernel is to wake it. */
static __always_inline const struct jt_maker *jt_maker_of(jt_env_t env, __u32 tid)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	const struct jt_maker *maker = bpf_map_lookup_elem(&makers, &tid);

	return maker && BPF_CORE_READ(task, vfork_done) ? maker : NULL;
}
