/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is what a remembered walk has read still the same? */
#pragma once

/* By the tables that the event's walk would be made by? */
static __always_inline bool is_by_same_tables(const struct jt_walk *w,
                                              const struct jt_remembered *m)
{
	return m->valid && m->tgid == w->record.key.tgid && m->tables == w->tables &&
	       m->first_range == w->target.first_range && m->ranges == w->target.ranges &&
	       m->clean_seq == w->target.clean_seq;
}

#define JT_NO_COPY JT_RECALL_BYTES

/* Has the stack copied as far as the remembered walk has words. Where in the copy that one's sp is;
 * at least JT_NO_COPY: there is none. A function of its own: what follows is the same whichever way
 * it was copied, and the verifier is to see it once. */
__noinline int jt_copy_for(__u32 env, __u32 i)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = remembered_at(i);
	struct jt_stack_copy *copy = bpf_map_lookup_elem(&stack_copies, &env);
	__u64 from, offset;

	if (!w || !m || !copy)
		return JT_NO_COPY;
	from = m->sp < w->first.sp ? m->sp : w->first.sp;
	if (!copy_from(env, w, copy, from, m->sp + m->bytes - from))
		return JT_NO_COPY;
	offset = m->sp - w->copied_from;
	return offset >= JT_RECALL_BYTES || (offset & 7) ? JT_NO_COPY : offset;
}

/* What is there, of a copy that has the remembered walk's words. */
static __always_inline const __u8 *copied_at(__u32 env, __u32 offset)
{
	struct jt_stack_copy *copy = bpf_map_lookup_elem(&stack_copies, &env);

	jt_opaque(offset);
	if (!copy || offset >= JT_NO_COPY)
		return NULL;
	return copy->byte + offset;
}

/* The place of the first of JT_CHUNK words that differs, for the root. */
__noinline int jt_note_difference(__u32 env, __u32 i, __u32 turn)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = remembered_at(i);
	struct jt_stack_copy *copy = bpf_map_lookup_elem(&stack_copies, &env);
	__u32 k;

	if (!w || !m || !copy || w->differs)
		return 0;
	for (k = 0; k < JT_CHUNK; k++) {
		__u32 n = (turn + k) & (JT_RECALL_WORDS - 1);

		if (copied_word(copy->byte, m->place[n]) != m->word[n]) {
			w->differs = m->place[n] + 1;
			w->differs_bytes = m->bytes;
			return 0;
		}
	}
	return 0;
}

/* Are the words, from the event's sp on, those on the stack? */
__noinline int jt_has_words(__u32 env, __u32 i)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = remembered_at(i);
	struct jt_stack_copy *copy = bpf_map_lookup_elem(&stack_copies, &env);
	__u32 turn, k;

	if (!w || !m || !copy || !copy_from(env, w, copy, w->first.sp, m->bytes))
		return 0;
	if (cfg.recall == JT_RECALL_BLIND)
		return 1;
	for (turn = 0; turn < JT_RECALL_WORDS; turn += JT_CHUNK) {
		__u64 differs = 0;

		if (turn >= m->words)
			return 1;
#pragma unroll
		for (k = 0; k < JT_CHUNK; k++) {
			__u64 word = copied_word(copy->byte, m->place[turn + k]);

			/* Else LLVM makes a branch of each, and the verifier follows them all. */
			word ^= m->word[turn + k];
			jt_opaque(word);
			differs |= word;
		}
		if (differs) {
			jt_note_difference(env, i, turn);
			return 0;
		}
	}
	return 1;
}

#define JT_NO_WORDS (JT_RECALL_WORDS + 1)

/* Compares the words with those of the copy, where at `offset` that one's sp is, from the root's
 * on. 0: they are the same, n + 1: one of the JT_CHUNK from n on is not, JT_NO_WORDS: there is no
 * copy. Not jt_has_words(), which is each event's: the turn's place costs. */
__noinline int jt_differing_words(__u32 env, __u32 i, __u32 offset)
{
	struct jt_remembered *m = remembered_at(i);
	__u32 turn, k;
	const __u8 *copy;

	if (!m)
		return JT_NO_WORDS;
	copy = copied_at(env, offset);
	if (!copy)
		return JT_NO_WORDS;
	if (cfg.recall == JT_RECALL_BLIND)
		return 0;
	for (turn = 0; turn < JT_RECALL_WORDS; turn += JT_CHUNK) {
		__u32 n = ((m->words - 1) & ~(JT_CHUNK - 1)) - turn;
		const __u64 *noted;
		const __u16 *place;
		__u64 differs = 0;

		if (turn >= m->words)
			return 0;
		jt_opaque(n);
		n &= JT_RECALL_WORDS - 1;
		/* Else each word's address is computed anew. */
		noted = m->word + n;
		place = m->place + n;
		jt_opaque(noted);
		jt_opaque(place);
#pragma unroll
		for (k = 0; k < JT_CHUNK; k++) {
			__u64 word = copied_word(copy, place[k]);

			word ^= noted[k];
			jt_opaque(word);
			differs |= word;
		}
		if (differs)
			return n + 1;
	}
	return 0;
}

/* Of the JT_CHUNK words from n on, the number behind the last one that differs. */
__noinline int jt_last_difference(__u32 env, __u32 i, __u32 offset, __u32 n)
{
	struct jt_remembered *m = remembered_at(i);
	const __u8 *copy;
	__u32 k;

	if (!m)
		return JT_RECALL_WORDS;
	copy = copied_at(env, offset);
	if (!copy)
		return JT_RECALL_WORDS;
	n &= JT_RECALL_WORDS - 1;
	for (k = JT_CHUNK; k > 0; k--) {
		if (copied_word(copy, m->place[n + k - 1]) != m->word[n + k - 1])
			return n + k;
	}
	return n;
}

/* Is the compiled code from this one on still that of the same methods? */
__noinline int jt_has_code(__u32 env, __u32 i, __u32 first)
{
	struct jt_walk *w = jt_walk_of(env);
	struct jt_remembered *m = remembered_at(i);
	__u64 epoch;
	__u32 id, k;

	if (!w || !m)
		return 0;
	if (first >= m->codes)
		return 1;
	epoch = jt_code_epoch(env);
	if (epoch && epoch == m->code_epoch)
		return 1;
	for (k = 0; k < JT_RECALL_CODES; k++) {
		__u32 n = first + k;

		if (n >= m->codes)
			break;
		jt_opaque(n);
		n &= JT_RECALL_CODES - 1;
		if (jt_read_code(env, &id, sizeof(id), m->code[n]) || id != m->code_id[n])
			return 0;
	}
	if (!first)
		m->code_epoch = epoch;
	return 1;
}
