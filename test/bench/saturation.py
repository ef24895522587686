# SPDX-License-Identifier: Apache-2.0
"""A JVM that opens a file as fast as it can: what each tracer adds to an open, and its stacks."""
import os
import statistics
import sys
import tempfile

import jvm
import table
import tracers

THREAD_ENTRY = ("clone3", "__clone3", "__GI___clone3", "__clone")


class Verdict:
    """Of stacks: events, frames of them all, those with every call of the program down to the thread's
    entry, and different ones. A stack that has the entry and no such call is of the VM's own: its
    collector reads cgroup files."""

    def __init__(self, stacks, depth, calls=("OpenLoop.even", "OpenLoop.odd"), entries=THREAD_ENTRY):
        self.events = self.frames = self.whole = 0
        different = set()
        for stack, count in stacks:
            number = sum(any(call in frame for call in calls) for frame in stack)
            entry = stack[-1].split("+")[0] if stack else ""
            if number == 0 and entry in entries:
                continue
            self.events += count
            self.frames += count * len(stack)
            self.whole += count * (number == depth + 1 and entry in entries)
            different.add(tuple(stack))
        self.different = len(different)


def judge(stacks, depth, calls=("OpenLoop.even", "OpenLoop.odd")):
    """Mean frames and the share of whole stacks, as text."""
    seen = Verdict(stacks, depth, calls)
    if seen.events == 0:
        return "-", "-"
    return f"{seen.frames / seen.events:.1f}", f"{100 * seen.whole / seen.events:.2f} %"


def rounds(args, ns_per_op, loop, measured):
    """ns of an operation untraced, and ns added by each, an untraced window on both sides; `ns_per_op`
    measures one."""
    untraced = []
    added = {tracer.name: [] for tracer in measured}
    before = ns_per_op(args.window)
    for turn in range(args.rounds):
        for tracer in measured if turn % 2 == 0 else reversed(measured):
            tracer.start(loop.pid)
            on = ns_per_op(args.window)
            tracer.stop()
            after = ns_per_op(args.window)
            added[tracer.name].append(on - (before + after) / 2)
            untraced.append(before)
            before = after
    return untraced, added


def walk_cost(args, directory, loop):
    """What a walk does, counted by jtrace itself in a window of its own."""
    tracer = tracers.Jtrace(directory, os.path.join(args.build, "jtrace"), ("--count-cost", "--recall", "off"))
    tracer.start(loop.pid)
    loop.ns_per_op(args.window)
    tracer.stop()
    kept = max(1, tracer.ledger("kept"))
    frames = tracer.ledger("frames walked") / kept
    return (f"{frames:.1f}", f"{tracer.ledger('user reads') / kept / max(1, frames):.2f}",
            f"{tracer.ledger('map look-ups') / kept / max(1, frames):.2f}")


def measure(args, directory, depth):
    measured = tracers.all_tracers(args.build, directory, args.against, args.async_profiler)
    with jvm.Loop(directory, "OpenLoop", depth, args.threads, flags=args.flags.split()) as loop:
        loop.ns_per_op(args.warmup)
        untraced, added = rounds(args, loop.ns_per_op, loop, measured)
        shape = []
        for tracer in measured:
            tracer.start(loop.pid)
            loop.ns_per_op(args.window)
            tracer.stop()
            if tracer.output.startswith("not seen"):
                sys.exit(f"{tracer.name} did not see the JVM")
            shape.append(judge(tracer.stacks(), depth) if tracer.has_stacks else ("-", "-"))
        walk = walk_cost(args, directory, loop)
    print(f"\nDepth {depth} {args.flags}: ns per open and close, untraced {table.spread(untraced)}; "
          f"a walk has {walk[0]} physical frames, {walk[1]} user reads and {walk[2]} map look-ups "
          "a frame\n")
    table.head("tracer", "added per event, ns: median (min .. max)", "to untraced", "to filter only",
               "to jtrace", "frames", "whole stacks")
    base = statistics.median(untraced)
    for tracer, (frames, whole) in zip(measured, shape):
        values = added[tracer.name]
        table.row(tracer.name, table.spread(values), f"{1 + statistics.median(values) / base:.2f}",
                  table.ratio(values, added["filter only"]), table.ratio(values, added["jtrace"]),
                  frames, whole)


def run(args):
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "OpenLoop.java"], directory)
        for depth in map(int, args.depth.split(",")):
            measure(args, directory, depth)
