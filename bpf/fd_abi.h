/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a file descriptor stands for, as bytes: fd_path.bpf.h writes them, user/filter/fd_text.cpp
 * makes text of them. The same file or connection gives the same bytes, so they can be counted by.
 */
#ifndef JTRACE_FD_ABI_H
#define JTRACE_FD_ABI_H

#ifndef __bpf__
#include <stdint.h>
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#endif

#define JT_FD_CWD          (-100) /* AT_FDCWD: the working directory */
#define JT_PATH_COMPONENTS 16
#define JT_PATH_MOUNTS     8   /* that a path may cross */
#define JT_FD_NAME_BYTES   256 /* NAME_MAX and its 0 */
#define JT_UNIX_NAME_BYTES 108 /* UNIX_PATH_MAX */

enum jt_fd_kind {
	JT_FD_PATH = 1,   /* names behind the head, from the last one up, each with its 0 */
	JT_FD_PSEUDO = 2, /* in no directory (a pipe, an eventfd, a memfd): one name, or none */
	JT_FD_INET = 3,   /* struct jt_fd_inet */
	JT_FD_UNIX = 4,   /* struct jt_fd_unix */
	JT_FD_SOCKET = 5, /* of another family: the head alone */
};

#define JT_FD_CUT       1 /* the path goes on: too many components, mounts or bytes */
#define JT_FD_DELETED   2
#define JT_FD_LISTENING 4
#define JT_FD_ANY_PORT  8 /* the port that is 0 was chosen for this connection alone */

struct jt_fd_head {
	__u8 kind;
	__u8 flags;
	__u16 family, type, protocol; /* of a socket */
	__u32 magic;                  /* of a pseudo file's file system */
	__u32 pad;
	__u64 inode; /* of a pipe or namespace; others share theirs or it tells nothing */
};

/* Ports in the order of this machine, addresses as on the wire: IPv4 in the first four bytes. */
struct jt_fd_inet {
	struct jt_fd_head head;
	__u8 local[16], remote[16];
	__u16 local_port, remote_port;
	__u32 pad;
};

/* As bind() took them: a path, or 0 and any bytes. */
struct jt_fd_unix {
	struct jt_fd_head head;
	__u16 local_bytes, remote_bytes;
	__u32 pad;
	char local[JT_UNIX_NAME_BYTES], remote[JT_UNIX_NAME_BYTES];
};

#ifndef __cplusplus
#define static_assert _Static_assert
#endif
static_assert(sizeof(struct jt_fd_head) == 24, "ABI");
static_assert(sizeof(struct jt_fd_inet) == 24 + 40, "ABI");
static_assert(sizeof(struct jt_fd_unix) == 24 + 8 + 2 * JT_UNIX_NAME_BYTES, "ABI");
#endif
