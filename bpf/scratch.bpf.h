/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose the CPU's scratch is. */
#pragma once

/*
 * The scratch of this CPU (walk, fields, values) is one event's at a time. What a perf tracepoint
 * runs is guarded by bpf_prog_active, what a raw one runs is not: an interrupt's event comes in the
 * midst of another one (before 6.1 even of the same program, commit 05b24ff9b2cf), and since 7.0 a
 * thread that is preempted in its event leaves the CPU to others (commit a46023d5616e; of system
 * calls 7.2). It stays on its CPU, though (migration is off), so the slot is known to be its own.
 * Numbers are added only, as an exchange needs 5.12: who comes between sees more than one, and of
 * two that see each other neither goes on.
 */
static __always_inline bool take_scratch(struct jt_walk *w)
{
	__sync_fetch_and_add(&w->busy, 1);
	if (*(volatile __u32 *)&w->busy == 1)
		return true;
	__sync_fetch_and_add(&w->busy, -1);
	return false;
}

static __always_inline void give_scratch_back(struct jt_walk *w)
{
	__sync_fetch_and_add(&w->busy, -1);
}
