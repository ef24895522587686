/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hash of a stack: a polynomial in its frames, the leaf's with the highest power, modulo the
 * prime 2^61 - 1, at a base drawn for each run. It can be joined: where the rest of a stack is the
 * rest of another one, its share need not be added up again. Modulo 2^64, which is cheaper, two
 * orders of the same two frames collide at any base (Thue and Morse's sequence and its complement,
 * from some hundred frames on), and a program can make them; modulo a prime two stacks of n frames
 * do at n bases at most.
 *
 * What is hashed on the way is below 2^62 and may be the prime more than the remainder.
 */
#ifndef JTRACE_STACK_HASH_H
#define JTRACE_STACK_HASH_H

#include "jtrace_abi.h"

#define JT_HASH_FN    static inline __attribute__((always_inline))
#define JT_HASH_PRIME ((1ULL << 61) - 1)

/* One round of a 64-bit mix (xor, multiply by an odd constant, fold): two per frame. */
#define JT_MIX(h, v) \
	do { \
		(h) = ((h) ^ (v)) * 0x9e3779b97f4a7c15ULL; \
		(h) ^= (h) >> 32; \
	} while (0)

/* A frame, as it goes into the hash: below its prime. */
JT_HASH_FN __u64 jt_hash_mix(__u64 seed, __u64 where, __u64 info)
{
	JT_MIX(seed, where);
	JT_MIX(seed, info);
	return seed >> 3;
}

/* Below 2^32, of the same seed. */
JT_HASH_FN __u64 jt_hash_base(__u64 seed)
{
	return seed >> 32 | 1;
}

JT_HASH_FN __u64 jt_hash_fold(__u64 n)
{
	return (n & JT_HASH_PRIME) + (n >> 61);
}

/* The remainder itself. */
JT_HASH_FN __u64 jt_hash_settle(__u64 hash)
{
	hash = jt_hash_fold(hash);
	return (hash + ((hash + 1) >> 61)) & JT_HASH_PRIME;
}

/* n * 2^32 */
JT_HASH_FN __u64 jt_hash_shift(__u64 n)
{
	return (n >> 29) + ((n & ((1ULL << 29) - 1)) << 32);
}

/* hash * base + mixed: a frame more; base is below 2^32, mixed below 2^61. */
JT_HASH_FN __u64 jt_hash_push(__u64 hash, __u64 base, __u64 mixed)
{
	__u64 high = (hash >> 32) * base, low = (hash & 0xffffffff) * base;

	return jt_hash_fold(jt_hash_shift(high) + jt_hash_fold(low) + mixed);
}

/*
 * Of a stack that begins otherwise: `top` in place of `begin`, whose `whole` is that of the begin
 * and n frames more; power is the base's to n.
 */
JT_HASH_FN __u64 jt_hash_join(__u64 top, __u64 begin, __u64 whole, __u64 power)
{
	__u64 more = jt_hash_fold(top + 2 * JT_HASH_PRIME - begin);
	__u64 high = jt_hash_push(more, power >> 32, 0);

	return jt_hash_fold(jt_hash_shift(high) + jt_hash_push(more, power & 0xffffffff, whole));
}

#endif
