# SPDX-License-Identifier: Apache-2.0
"""A JVM whose stacks differ in their top alone, the next one at each open: what a run of jtrace's program
takes, where the rest is met again and where each is walked. By the kernel's clock, when each stack has been
sent: what is sent once would be most of it."""
import os
import statistics
import tempfile

import collector
import jvm
import table
import tracers

TOP = 14  # calls in which the stacks differ: enough for 10 000
COUNTERS = ("frames walked", "user reads", "stacks that were met again",
            "stacks of which all but the top was met again")


def programs(args, directory):
    build = os.path.join(args.build, "jtrace")
    yield tracers.Jtrace(directory, build)
    if args.against:
        yield tracers.Jtrace(directory, args.against, name="jtrace, the other")
    yield tracers.Jtrace(directory, build, ("--recall", "off"), name="jtrace --recall off")


def counted(args, loop, tracer):
    """Of an event, counted by jtrace itself in a window of its own."""
    tracer = tracers.Jtrace(os.path.dirname(tracer.out), tracer.program, ("--count-cost", *tracer.extra), tracer.name)
    tracer.start(loop.pid)
    loop.ns_per_op(2 * args.window)
    tracer.stop()
    kept = max(1, tracer.ledger("kept"))
    return [f"{tracer.ledger(name) / kept:.2f}" for name in COUNTERS]


def in_program(args, loop, tracer):
    """ns of a run of the tracer's BPF program, when each stack has been met and sent."""
    tracer.start(loop.pid)
    loop.ns_per_op(4 * args.window)
    ns = collector.ns_per_run(tracer, lambda: loop.ns_per_op(args.window))
    tracer.stop()
    return ns or 0


def measure(args, directory, depth, stacks):
    measured = list(programs(args, directory))
    with jvm.Loop(directory, "PathLoop", depth, args.threads, stacks, 0, 0, 0, TOP,
                  flags=args.flags.split()) as loop:
        loop.ns_per_op(args.warmup)
        taken = {tracer.name: [] for tracer in measured}
        for turn in range(args.rounds):
            for tracer in measured if turn % 2 == 0 else reversed(measured):
                taken[tracer.name].append(in_program(args, loop, tracer))
        counts = {tracer.name: counted(args, loop, tracer) for tracer in measured}
    print(f"\n{depth} calls, {stacks} tops of {TOP} calls in turns\n")
    table.head("tracer", "ns of a run of its BPF program: median (min .. max)", "to --recall off", *COUNTERS)
    base = statistics.median(taken[measured[-1].name])
    for tracer in measured:
        values = taken[tracer.name]
        table.row(tracer.name, table.spread(values), f"{statistics.median(values) / base:.2f}", *counts[tracer.name])


def run(args):
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "PathLoop.java"], directory)
        for depth in map(int, args.depth.split(",")):
            for stacks in map(int, args.tops.split(",")):
                measure(args, directory, depth, stacks)
