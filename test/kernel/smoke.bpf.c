/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The least that jtrace asks of a kernel: a tracepoint program that sends a record by ring buffer.
 * Where this fails the harness or the kernel is at fault, not the product's programs.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} records SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_openat")
int smoke(void *ctx)
{
	__u64 tgid = bpf_get_current_pid_tgid() >> 32;

	bpf_ringbuf_output(&records, &tgid, sizeof(tgid), BPF_RB_NO_WAKEUP);
	return 0;
}
