/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose event this is, and which. */
#pragma once

static __always_inline __u64 attach_cookie(void *ctx)
{
	if (cfg.has_cookie)
		return bpf_get_attach_cookie(ctx);
	return state.kernel_stacks ? JT_COOKIE_KERNEL : 0;
}

/* The process's table, where it is a target. */
static __always_inline struct jt_target *find_target(__u32 tgid)
{
	struct jt_target *target;

	if (cfg.only_tgid && tgid != cfg.only_tgid)
		return NULL;
	target = bpf_map_lookup_elem(&targets, &tgid);
	return target;
}
