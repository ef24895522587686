# SPDX-License-Identifier: Apache-2.0
"""What an event takes, with its stack walked and met again: ns, runs of BPF programs, helper calls by kind.
Times are of jtrace, calls of jtrace_cost: the same program, but that its BPF object counts them."""
import os
import sys
import tempfile
import time

import collector
import dimensions
import jvm
import saturation
import table
import tracers

MODES = {"met again": (), "walked": ("--recall", "off")}
SELDOM = 0.005  # calls an event, or runs of a program, that are not shown


def calls_of_an_event(args, directory, loop, extra):
    """{kind: calls an event}, of a window that begins and ends while nothing is opened."""
    loop.pause()
    tracer = tracers.Jtrace(directory, os.path.join(args.build, "test/bench/jtrace_cost"), extra)
    tracer.start(loop.pid)
    pids = collector.family(tracer.process.pid)
    # What is seen for the first time is read and sent once.
    loop.go()
    loop.ns_per_op(0.1)
    opened, before = loop.pause(), collector.helper_calls(pids)
    loop.go()
    loop.ns_per_op(args.window)
    opened, after = loop.pause() - opened, collector.helper_calls(pids)
    tracer.stop()
    loop.go()
    return {kind: (after[kind] - before[kind]) / opened for kind in after}


def programs_of_an_event(args, loop, tracer):
    """{program: (runs an event, ns of a run)} by the kernel's own clock."""
    before = loop.pause()
    tracer.start(loop.pid)
    with collector.Programs(collector.family(tracer.process.pid)) as programs:
        loop.go()
        loop.ns_per_op(args.window)
        opened = loop.pause() - before
        ran = programs.since()
    tracer.stop()
    loop.go()
    return {name: (runs / opened, ns / runs) for name, (ns, runs) in ran.items() if runs / opened >= SELDOM}


def measure(args, directory, depth):
    """{mode: what was measured}"""
    measured = {mode: tracers.Jtrace(directory, os.path.join(args.build, "jtrace"), extra, mode)
                for mode, extra in MODES.items()}
    place = {**dimensions.BASE, "depth": depth}
    with dimensions.program(directory, place) as loop:
        loop.ns_per_op(args.warmup)
        _, added = saturation.rounds(args, loop.ns_per_op, loop, list(measured.values()))
        return {mode: {"added": added[mode], "programs": programs_of_an_event(args, loop, tracer),
                       "calls": calls_of_an_event(args, directory, loop, tracer.extra)}
                for mode, tracer in measured.items()}


def run(args):
    if not collector.BPFTOOL:
        sys.exit("bench: cost: no bpftool, which reads what programs did: install it")
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "PathLoop.java"], directory)
        found = {(depth, mode): one for depth in map(int, args.depth.split(","))
                 for mode, one in measure(args, directory, depth).items()}
    print(f"\nOf an event, by calls below main ({time.strftime('%F')}): ns added, median (min .. max); BPF programs, runs an event x "
          "ns of one\n")
    table.head("", "ns added", "BPF programs", "helper calls")
    for (depth, mode), one in found.items():
        programs = sorted(one["programs"].items(), key=lambda item: -item[1][0])
        table.row(f"{depth}, {mode}", table.spread(one["added"]),
                  ", ".join(f"{name} {runs:.2f} x {ns:.0f}" for name, (runs, ns) in programs),
                  f"{sum(one['calls'].values()):.1f}")
    print("\nHelper calls of an event\n")
    table.head("", *(f"{depth}, {mode}" for depth, mode in found))
    kinds = next(iter(found.values()))["calls"]
    for kind in kinds:
        counts = [one["calls"][kind] for one in found.values()]
        if max(counts) >= SELDOM:
            table.row(kind.replace("_", " "), *(f"{count:.2f}" for count in counts))
