// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* fd_path.bpf.h alone: of every fstatfs() of one process, what its descriptor stands for. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "fd_path.bpf.h"

__u32 tgid = 0; /* written by the process itself: a child maps it too */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jt_text);
} texts SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Attached by the test, through a tracefs that may not be mounted. */
SEC("tp")
int enter_fstatfs(struct syscall_trace_enter *ctx)
{
	__u32 zero = 0;
	struct jt_text *text;

	if (bpf_get_current_pid_tgid() >> 32 != tgid)
		return 0;
	text = bpf_map_lookup_elem(&texts, &zero);
	if (text)
		jt_read_fd(text, ctx->args[0]);
	return 0;
}
