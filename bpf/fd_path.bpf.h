/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a descriptor of the current task stands for, read from the kernel's own structures at the
 * event: later it may be another file's, or the process gone. Nothing is locked: a rename under way
 * may show one path or the other, as it may to readlink().
 */
#pragma once

#include "dentry.bpf.h"
#include "event_abi.h"
#include "fd_abi.h"
#include "fd_socket.bpf.h"

#define JT_PATH_TURNS (JT_PATH_COMPONENTS + JT_PATH_MOUNTS + 1)
/* linux/magic.h */
#define JT_PIPEFS_MAGIC 0x50495045
#define JT_SOCKFS_MAGIC 0x534F434B
#define JT_NSFS_MAGIC   0x6e736673

/* A walk from a file to its task's root. */
struct jt_place {
	__u64 dentry, mount;
	struct jt_mount m;
	struct path root;
};

/* The beginning of struct fdtable. */
struct jt_descriptors {
	__u32 max_fds, pad;
	__u64 fd;
};

static __always_inline int jt_read_descriptors(struct jt_descriptors *d, struct task_struct *task)
{
	const struct fdtable *table = BPF_CORE_READ(task, files, fdt);

	if (!table)
		return -1;
	if (bpf_core_field_offset(struct fdtable, fd) -
	            bpf_core_field_offset(struct fdtable, max_fds) ==
	    offsetof(struct jt_descriptors, fd))
		return bpf_probe_read_kernel(d, sizeof(*d), &table->max_fds);
	d->max_fds = BPF_CORE_READ(table, max_fds);
	d->fd = (__u64)BPF_CORE_READ(table, fd);
	return 0;
}

static __always_inline struct file *jt_file_of(struct task_struct *task, __u32 fd)
{
	struct jt_descriptors d;
	struct file *file;

	/* An open file's number is below max_fds; other numbers must not be multiplied out. */
	if (jt_read_descriptors(&d, task) || fd >= d.max_fds)
		return NULL;
	if (bpf_probe_read_kernel(&file, sizeof(file), (struct file **)d.fd + fd))
		return NULL;
	return file;
}

/* Puts a name behind what there is; < 0 where it could not be read. */
static __always_inline int jt_add_name(struct jt_text *t, __u64 name)
{
	struct jt_fd_head *head = (struct jt_fd_head *)t->text;
	__u32 at = t->number;
	long n;

	barrier_var(at);
	if (at > JT_TEXT_BYTES - JT_FD_NAME_BYTES) {
		head->flags |= JT_FD_CUT;
		return 1;
	}
	n = bpf_probe_read_kernel_str(t->text + at, JT_FD_NAME_BYTES, (const void *)name);
	if (n <= 0)
		return -1;
	t->number = at + n;
	return 0;
}

/* What lies in no directory. */
static __always_inline void jt_read_pseudo(struct jt_text *t, const struct file *file,
                                           const struct jt_dentry *d)
{
	struct jt_fd_head *head = (struct jt_fd_head *)t->text;
	const struct inode *inode = (const struct inode *)d->inode;
	__u32 magic = BPF_CORE_READ(inode, i_sb, s_magic);

	if (magic == JT_SOCKFS_MAGIC) {
		if (file)
			jt_read_socket(t, file);
		return;
	}
	head->kind = JT_FD_PSEUDO;
	head->magic = magic;
	if (magic == JT_PIPEFS_MAGIC || magic == JT_NSFS_MAGIC)
		head->inode = BPF_CORE_READ(inode, i_ino);
	else if (jt_add_name(t, d->name))
		return;
	t->bytes = t->number;
}

/* One turn up: across a mount, or by a name. 0 to go on, 1 at the end, < 0 where it failed. */
static __always_inline int jt_path_turn(struct jt_text *t, struct jt_place *p,
                                        const struct file *file)
{
	struct jt_fd_head *head = (struct jt_fd_head *)t->text;
	struct jt_dentry d;

	if (p->dentry == (__u64)p->root.dentry &&
	    p->mount == (__u64)p->root.mnt - bpf_core_field_offset(struct mount, mnt))
		return 1;
	if (p->dentry == p->m.root) {
		/* Above the outermost mount there is nothing: the task's root is elsewhere. */
		if (p->m.parent == p->mount)
			return 1;
		p->dentry = p->m.mountpoint;
		p->mount = p->m.parent;
		return jt_read_mount(&p->m, p->mount) ? -1 : 0;
	}
	if (jt_read_dentry(&d, p->dentry))
		return -1;
	if (d.parent == p->dentry) {
		if (!t->cut) {
			jt_read_pseudo(t, file, &d);
			return -1;
		}
		/* Of an export that was opened by a handle: nobody knows what is above. */
		head->flags |= JT_FD_CUT;
		return 1;
	}
	if (!t->cut && !d.hashed)
		head->flags |= JT_FD_DELETED;
	if (t->cut == JT_PATH_COMPONENTS) {
		head->flags |= JT_FD_CUT;
		return 1;
	}
	t->cut++;
	p->dentry = d.parent;
	return jt_add_name(t, d.name);
}

/* Counters lie in the map: number is where the next name goes, cut how many there are. In registers
 * they would make each turn another one to the verifier. */
static __always_inline void jt_walk_path(struct jt_text *t, struct jt_place *p,
                                         const struct file *file)
{
	struct jt_fd_head *head = (struct jt_fd_head *)t->text;
	int turn, result = 0;

	for (turn = 0; turn < JT_PATH_TURNS; turn++) {
		result = jt_path_turn(t, p, file);
		if (result)
			break;
	}
	if (result < 0)
		return;
	if (!result)
		head->flags |= JT_FD_CUT;
	head->kind = JT_FD_PATH;
	t->bytes = t->number;
}

/* The counters are no longer needed. */
static __always_inline void jt_close_text(struct jt_text *t)
{
	t->number = 0;
	t->cut = 0;
}

static __always_inline void jt_read_file(struct jt_text *t, struct task_struct *task,
                                         const struct file *file)
{
	struct jt_place p;
	struct path at = {};

	if (file)
		BPF_CORE_READ_INTO(&at, file, f_path);
	else
		BPF_CORE_READ_INTO(&at, task, fs, pwd);
	if (!at.mnt || !at.dentry)
		return;
	BPF_CORE_READ_INTO(&p.root, task, fs, root);
	p.dentry = (__u64)at.dentry;
	p.mount = (__u64)at.mnt - bpf_core_field_offset(struct mount, mnt);
	if (!jt_read_mount(&p.m, p.mount))
		jt_walk_path(t, &p, file);
}

/*
 * Puts what `fd` of the current task stands for into t->text: not characters, and 0 does not end
 * it. t->bytes is -1 where nothing is open there. 8 reads, 2 for each component, 1 for each mount.
 */
static __always_inline void jt_read_fd(struct jt_text *t, __s32 fd)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	const struct file *file = NULL;

	t->bytes = -1;
	t->number = sizeof(struct jt_fd_head);
	t->cut = 0;
	__builtin_memset(t->text, 0, sizeof(struct jt_fd_head));
	if (fd != JT_FD_CWD)
		file = jt_file_of(task, fd);
	if (file || fd == JT_FD_CWD)
		jt_read_file(t, task, file);
	jt_close_text(t);
}
