// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program that is interrupted while it writes a record: it waits for memory of a process that is
 * not there yet. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct hold_record_arguments {
	__u64 address; /* in the process that runs it */
};

/* Another one's, which the test puts in its place. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("syscall")
int hold_record(struct hold_record_arguments *arguments)
{
	char byte = 0;
	void *record = bpf_ringbuf_reserve(&ring, 64, 0);

	if (!record)
		return 1;
	bpf_copy_from_user(&byte, sizeof(byte), (void *)arguments->address);
	bpf_ringbuf_discard(record, 0);
	return 0;
}
