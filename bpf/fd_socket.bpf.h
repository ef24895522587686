/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a socket is connected to, read from the socket itself. For fd_path.bpf.h. */
#pragma once

#include "event_abi.h"
#include "fd_abi.h"

#define JT_AF_UNIX    1
#define JT_AF_INET    2
#define JT_AF_INET6   10
#define JT_TCP_LISTEN 10

static __always_inline void jt_read_inet(struct jt_text *t, const struct sock *sk)
{
	struct jt_fd_inet *to = (struct jt_fd_inet *)t->text;

	__builtin_memset(to->local, 0, sizeof(to->local) + sizeof(to->remote) + 8);
	to->head.kind = JT_FD_INET;
	to->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	to->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (to->head.family == JT_AF_INET) {
		BPF_CORE_READ_INTO((__u32 *)to->local, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__u32 *)to->remote, sk, __sk_common.skc_daddr);
	} else if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		BPF_CORE_READ_INTO((struct in6_addr *)to->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)to->remote, sk, __sk_common.skc_v6_daddr);
	}
	t->bytes = sizeof(*to);
}

static __always_inline __u16 jt_read_unix_name(char *to, const struct sock *sk)
{
	const struct unix_address *address;
	__u32 n;

	if (!sk)
		return 0;
	address = BPF_CORE_READ((const struct unix_sock *)sk, addr);
	if (!address)
		return 0;
	n = BPF_CORE_READ(address, len) - sizeof(sa_family_t);
	barrier_var(n);
	if (n == 0 || n > JT_UNIX_NAME_BYTES)
		return 0;
	if (bpf_probe_read_kernel(to, n,
	                          (const char *)address +
	                                  bpf_core_field_offset(struct unix_address, name) +
	                                  sizeof(sa_family_t)))
		return 0;
	return n;
}

static __always_inline void jt_read_unix(struct jt_text *t, const struct sock *sk)
{
	struct jt_fd_unix *to = (struct jt_fd_unix *)t->text;

	to->head.kind = JT_FD_UNIX;
	to->pad = 0;
	__builtin_memset(to->local, 0, 2 * JT_UNIX_NAME_BYTES);
	to->local_bytes = jt_read_unix_name(to->local, sk);
	to->remote_bytes =
		jt_read_unix_name(to->remote, BPF_CORE_READ((const struct unix_sock *)sk, peer));
	t->bytes = sizeof(*to);
}

static __always_inline void jt_read_socket(struct jt_text *t, const struct file *file)
{
	struct jt_fd_head *head = (struct jt_fd_head *)t->text;
	const struct socket *socket = BPF_CORE_READ(file, private_data);
	const struct sock *sk = BPF_CORE_READ(socket, sk);
	__u16 family;

	if (!sk)
		return;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	head->family = family;
	head->type = BPF_CORE_READ(sk, sk_type);
	head->protocol = BPF_CORE_READ(sk, sk_protocol);
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == JT_TCP_LISTEN)
		head->flags |= JT_FD_LISTENING;
	if (family == JT_AF_INET || family == JT_AF_INET6) {
		jt_read_inet(t, sk);
	} else if (family == JT_AF_UNIX && bpf_core_type_exists(struct unix_sock)) {
		jt_read_unix(t, sk);
	} else {
		head->kind = JT_FD_SOCKET;
		t->bytes = sizeof(*head);
	}
}
