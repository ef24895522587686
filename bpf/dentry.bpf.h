/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a path is made of: struct dentry and struct mount, each in one read. */
#pragma once

/* What lies side by side in struct dentry on every kernel from 5.10 to 7.x: one read for all. */
struct jt_dentry {
	__u64 hashed; /* d_hash.pprev; 0: unlinked */
	__u64 parent, hash_len, name, inode;
};

/* The same of struct mount. */
struct jt_mount {
	__u64 parent, mountpoint, root;
};

#define jt_dentry_at(field) \
	(bpf_core_field_offset(struct dentry, field) - \
	 bpf_core_field_offset(struct dentry, d_hash.pprev))
#define jt_mount_at(field) \
	(bpf_core_field_offset(struct mount, field) - \
	 bpf_core_field_offset(struct mount, mnt_parent))

static __always_inline int jt_read_dentry(struct jt_dentry *d, __u64 address)
{
	const struct dentry *dentry = (const struct dentry *)address;

	/* Both sides are constants to the verifier: the other branch is not there. */
	if (jt_dentry_at(d_parent) == 8 && jt_dentry_at(d_name.name) == 24 &&
	    jt_dentry_at(d_inode) == 32)
		return bpf_probe_read_kernel(d, sizeof(*d), &dentry->d_hash.pprev);
	d->hashed = (__u64)BPF_CORE_READ(dentry, d_hash.pprev);
	d->parent = (__u64)BPF_CORE_READ(dentry, d_parent);
	d->name = (__u64)BPF_CORE_READ(dentry, d_name.name);
	d->inode = (__u64)BPF_CORE_READ(dentry, d_inode);
	return d->parent ? 0 : -1;
}

static __always_inline int jt_read_mount(struct jt_mount *m, __u64 address)
{
	const struct mount *mount = (const struct mount *)address;

	if (jt_mount_at(mnt_mountpoint) == 8 && jt_mount_at(mnt.mnt_root) == 16)
		return bpf_probe_read_kernel(m, sizeof(*m), &mount->mnt_parent);
	m->parent = (__u64)BPF_CORE_READ(mount, mnt_parent);
	m->mountpoint = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
	m->root = (__u64)BPF_CORE_READ(mount, mnt.mnt_root);
	return m->root ? 0 : -1;
}
