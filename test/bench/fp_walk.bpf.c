// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The least that a tracer with stacks does: the kernel walks along frame pointers, and the stack is
 * counted by the number that it gives it; or it walks, and nothing is kept.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define MOST_FRAMES 512

const volatile __u32 wanted;
const volatile __u32 counting;
/* Of the last event. */
__u64 bytes_walked;

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1024);
	__uint(key_size, sizeof(__u32));
	__uint(value_size,
	       MOST_FRAMES * sizeof(__u64)); /* set by user space: no more than the kernel walks */
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[MOST_FRAMES]);
} walked SEC(".maps");

static void count(void *ctx)
{
	long id = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	__u32 key = id;
	__u64 one = 1, *sum;

	if (id < 0)
		return;
	sum = bpf_map_lookup_elem(&counts, &key);
	if (sum)
		__sync_fetch_and_add(sum, 1);
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_NOEXIST);
}

SEC("tp/syscalls/sys_enter_openat")
int fp_walk(void *ctx)
{
	__u32 zero = 0;
	void *to;
	long bytes;

	if (bpf_get_current_pid_tgid() >> 32 != wanted)
		return 0;
	if (counting) {
		count(ctx);
		return 0;
	}
	to = bpf_map_lookup_elem(&walked, &zero);
	if (!to)
		return 0;
	bytes = bpf_get_stack(ctx, to, MOST_FRAMES * sizeof(__u64), BPF_F_USER_STACK);
	if (bytes > 0)
		bytes_walked = bytes;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
