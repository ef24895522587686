/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What event_fields.h asks of its surroundings, for BPF; with walk_env.bpf.h. */
#pragma once

#define JT_FILTER_FN __noinline
/* Before 6.8 global functions are verified whether they are called or not. */
#define jt_filters(env) cfg.has_filters

static __always_inline struct jt_fields *jt_fields_of(jt_env_t env)
{
	return bpf_map_lookup_elem(&fields, &env);
}

static __always_inline const struct jt_event_spec *jt_spec_at(jt_env_t env, __u32 event)
{
	return bpf_map_lookup_elem(&event_specs, &event);
}

static __always_inline const struct jt_pattern *jt_pattern_at(jt_env_t env, __u32 i)
{
	return bpf_map_lookup_elem(&patterns, &i);
}

#define jt_kernel_bytes(env, into, bytes, address) \
	bpf_probe_read_kernel(into, bytes, (const void *)(address))
#define jt_kernel_text(env, into, bytes, address) \
	bpf_probe_read_kernel_str(into, bytes, (const void *)(address))
#define jt_user_text(env, into, bytes, address) \
	bpf_probe_read_user_str(into, bytes, (const void *)(address))
#define jt_task_name(env, into, bytes) bpf_get_current_comm(into, bytes)
#define jt_not_compared(env, counter)  bump(counter)

static __always_inline __u64 jt_task_number(jt_env_t env, __u32 kind)
{
	switch (kind) {
	case JT_VALUE_TID:
		return (__u32)bpf_get_current_pid_tgid();
	case JT_VALUE_TGID:
		return bpf_get_current_pid_tgid() >> 32;
	case JT_VALUE_UID:
		return (__u32)bpf_get_current_uid_gid();
	case JT_VALUE_CGROUP:
		return bpf_get_current_cgroup_id();
	case JT_VALUE_CPU:
		return bpf_get_smp_processor_id();
	}
	return 0;
}
