/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the stack of a child goes on that runs in the memory of who made it. */
#ifndef JTRACE_WALK_JOIN_H
#define JTRACE_WALK_JOIN_H

/*
 * A child in its maker's memory (posix_spawn; Java's jspawnhelper) has a stack of its own, which
 * begins where the maker waits: the walk goes on there. That of a vfork is the maker's own: the
 * walk came by there already.
 */
static JT_INLINE int jt_join_maker(jt_env_t env, struct jt_walk *w)
{
	const struct jt_maker *maker;

	if (!w->target.lent)
		return 0;
	maker = jt_maker_of(env, w->tid);
	if (!maker || (maker->regs.sp >= w->first.sp && maker->regs.sp <= w->regs.sp))
		return 0;
	jt_used_more(env);
	w->regs = maker->regs;
	w->tid = maker->tid;
	w->joined = 1;
	w->exact = 0;
	w->fp_known = 1;
	w->bx_known = 1;
	return 1;
}

#endif
