// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A tracepoint program that only compares the process: what a tracer costs before it does a thing.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

const volatile __u32 wanted;
/* Stored, not counted: without an effect the compiler leaves the comparison out. */
__u32 seen;

SEC("tp/syscalls/sys_enter_openat")
int filter_only(void *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 == wanted)
		seen = 1;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
