/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether stacks that are met again are walked again (remembered.bpf.h). Part of jtrace_abi.h. */
#ifndef JTRACE_RECALL_ABI_H
#define JTRACE_RECALL_ABI_H

enum jt_recall {
	JT_RECALL_OFF = 0,
	JT_RECALL_ON = 1,    /* a remembered walk is not made again */
	JT_RECALL_CHECK = 2, /* ... is, and compared */
	JT_RECALL_BLIND = 3, /* CHECK, but all words count as equal: must find differences */
};

/* Places of return addresses whose range and rule are kept, of each CPU: 80 bytes each. */
#define JT_KNOWN_PCS 1024

/* X(enumerator, what it counts): the first two with cfg.count_cost, the others with CHECK. */
#define JT_RECALL_COUNTER_LIST(X) \
	X(COST_RECALLED, "stacks that were met again") \
	X(COST_SPLICED, "stacks of which all but the top was met again") \
	X(RECALL_WRONG, "remembered walks that differed") \
	X(SPLICE_WRONG, "remembered rests of walks that differed")

#endif
