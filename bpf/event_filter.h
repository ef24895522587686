/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Does an event pass its filter? The same surroundings as event_fields.h. No recursion: a filter is
 * a row of comparisons with jumps forward, a glob is matched by going back to its last star.
 */
#ifndef JTRACE_EVENT_FILTER_H
#define JTRACE_EVENT_FILTER_H

#include "event_fields.h"

/* Rounds of turns that a match may take; a turn is a token compared, or a step back to the last
 * star. In rounds, so that the verifier walks but one of them. */
#define JT_MATCH_ROUNDS 32
#define JT_MATCH_TURNS  64

enum jt_match {
	JT_MATCH_NO = 0,
	JT_MATCH_YES = 1,
	JT_MATCH_OPEN = 2,    /* not yet known */
	JT_MATCH_UNKNOWN = 3, /* the rest of the text was not read */
};

/* Behind the last star every token is one byte, so where it matches is known, and not searched. */
static JT_INLINE int jt_match_tail(struct jt_fields *f, const struct jt_pattern *pattern)
{
	__u32 bytes = f->text.bytes, tail = pattern->tail_tokens;

	if (!tail)
		return JT_MATCH_YES;
	if (f->text.cut)
		return JT_MATCH_UNKNOWN;
	if (f->at + tail > bytes)
		return JT_MATCH_NO;
	f->at = bytes - tail;
	f->star = 0;
	return JT_MATCH_OPEN;
}

static JT_INLINE int jt_token_matches(const struct jt_pattern *pattern, __u32 token, __u32 c)
{
	__u32 index = token - JT_TOKEN_CLASS;

	if (token <= JT_TOKEN_ANY)
		return token == c || token == JT_TOKEN_ANY;
	return index < JT_MAX_CLASSES && (pattern->classes[index][c >> 3] >> (c & 7) & 1);
}

static JT_INLINE int jt_match_turn(struct jt_fields *f, const struct jt_pattern *pattern)
{
	__u32 at = f->at, next = f->token, token, c;

	if (at >= JT_TEXT_BYTES || next >= JT_PATTERN_TOKENS)
		return JT_MATCH_NO;
	c = (__u8)f->text.text[at];
	token = pattern->token[next];
	if (token == JT_TOKEN_STAR) {
		f->token = next + 1;
		f->star = next + 1;
		f->mark = at;
		return next + 1 == pattern->tail ? jt_match_tail(f, pattern) : JT_MATCH_OPEN;
	}
	if (at == (__u32)f->text.bytes) {
		if (f->text.cut)
			return JT_MATCH_UNKNOWN;
		return token == JT_TOKEN_END ? JT_MATCH_YES : JT_MATCH_NO;
	}
	if (jt_token_matches(pattern, token, c)) {
		f->at = at + 1;
		f->token = next + 1;
		return JT_MATCH_OPEN;
	}
	if (!f->star)
		return JT_MATCH_NO;
	f->mark++;
	f->at = f->mark;
	f->token = f->star;
	return JT_MATCH_OPEN;
}

JT_FILTER_FN int jt_match_round(jt_env_t env, __u32 index)
{
	const struct jt_pattern *pattern = jt_pattern_at(env, index);
	struct jt_fields *f = jt_fields_of(env);
	int turn, result;

	if (!jt_filters(env) || !f || !pattern)
		return JT_MATCH_NO;
	for (turn = 0; turn < JT_MATCH_TURNS; turn++) {
		result = jt_match_turn(f, pattern);
		if (result != JT_MATCH_OPEN)
			return result;
	}
	return JT_MATCH_OPEN;
}

static JT_INLINE int jt_match_text(jt_env_t env, struct jt_fields *f, __u32 pattern)
{
	int round, result = JT_MATCH_OPEN;

	f->at = 0;
	f->token = 0;
	f->mark = 0;
	f->star = 0;
	for (round = 0; round < JT_MATCH_ROUNDS && result == JT_MATCH_OPEN; round++)
		result = jt_match_round(env, pattern);
	return result;
}

/* What could not be read equals nothing and differs from nothing: false, and counted. */
JT_FILTER_FN int jt_test_text(jt_env_t env, __u32 event, __u32 index)
{
	const struct jt_event_spec *spec = jt_spec_at(env, event);
	struct jt_fields *f = jt_fields_of(env);
	const struct jt_predicate *p;
	int result;

	if (!jt_filters(env) || !f || !spec || index >= JT_MAX_PREDICATES)
		return 0;
	p = &spec->predicate[index];
	index = p->value;
	if (index >= JT_MAX_VALUES)
		return 0;
	/* It stays until another one is read. */
	if (f->text_value != index + 1) {
		jt_read_text(env, f, &spec->value[index], &f->text);
		f->text_value = index + 1;
	}
	if (f->text.bytes < 0) {
		jt_not_compared(env, JT_COUNTER_FILTER_UNREADABLE);
		return 0;
	}
	result = jt_match_text(env, f, spec->first_pattern + (__u32)p->constant);
	if (result > JT_MATCH_YES) {
		jt_not_compared(env, JT_COUNTER_FILTER_TOO_LONG);
		return 0;
	}
	return (result == JT_MATCH_YES) == (p->op == JT_OP_MATCH);
}

static JT_INLINE int jt_compare_number(const struct jt_predicate *p, __u64 n, int is_signed)
{
	/* One order for both: the sign bit turned over, as signed numbers lie among unsigned ones.
	 */
	__u64 turn = is_signed ? 1ULL << 63 : 0, a, b;

	a = (n & p->mask) ^ turn;
	b = p->constant ^ turn;
	return (p->op & (a < b ? JT_OP_LT : a == b ? JT_OP_EQ : JT_OP_GT)) != 0;
}

/* 1 where the event passes. Jumps only go forward, so there are no more turns than comparisons. A
 * number is often asked for several times in a row: it is read once. */
JT_FILTER_FN int jt_passes(jt_env_t env, __u32 event)
{
	const struct jt_event_spec *spec = jt_spec_at(env, event);
	const struct jt_fields *f = jt_fields_of(env);
	const struct jt_predicate *p;
	const struct jt_value *value;
	__u32 next = 0, have = JT_MAX_VALUES, index, turn;
	__u64 number = 0;
	int passed;

	if (!jt_filters(env) || !spec || !f || !spec->predicates)
		return 1;
	for (turn = 0; turn < JT_MAX_PREDICATES; turn++) {
		if (next >= JT_MAX_PREDICATES)
			break;
		p = &spec->predicate[next];
		if (p->op >= JT_OP_MATCH) {
			passed = jt_test_text(env, event, next);
			next = passed ? p->when_true : p->when_false;
			continue;
		}
		index = p->value;
		if (index >= JT_MAX_VALUES)
			return 0;
		value = &spec->value[index];
		if (index != have && jt_read_number(env, f, value, &number)) {
			jt_not_compared(env, JT_COUNTER_FILTER_UNREADABLE);
			next = p->when_false;
			continue;
		}
		have = index;
		passed = jt_compare_number(p, number, value->is_signed);
		next = passed ? p->when_true : p->when_false;
	}
	return next == JT_VERDICT_PASS;
}

#endif
