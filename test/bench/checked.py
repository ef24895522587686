# SPDX-License-Identifier: Apache-2.0
"""Stacks that are met again, or all but their top, compared with a walk of each event (--recall check), over a matrix of
programs: events, how many of them were met again, of how many all but the top was, and how many of those a walk did not
give. One that it did not is a failure."""
import os
import subprocess
import sys
import tempfile

import dimensions
import jvm
import table
import tops
import tracers

CHECKED = ("--recall", "check", "--count-cost")
AGAIN = "stacks that were met again"
REST = "stacks of which all but the top was met again"
OTHERWISE = ("remembered stacks that a walk did not give", "remembered rests of stacks that a walk did not give")
CLASSES = "test/integration/classes"  # of the build: programs that know the truth
EVERY = 200  # classes of NameChurn behind which garbage is collected


def traced(args, directory, pid, go, **more):
    """What one trace counted, from before go() until it returns."""
    tracer = tracers.Jtrace(directory, os.path.join(args.build, "jtrace"), CHECKED, **more)
    tracer.start(pid)
    go()
    tracer.stop()
    return {"events": tracer.ledger("kept"), "again": tracer.ledger(AGAIN), "rest": tracer.ledger(REST),
            "otherwise": sum(map(tracer.ledger, OTHERWISE))}


def opens(args, directory, place):
    """Two threads of a JVM that open a file as fast as they can."""
    with dimensions.program(directory, place) as loop:
        loop.ns_per_op(args.warmup)
        return traced(args, directory, loop.pid, lambda: loop.ns_per_op(args.window))


def other_tops(args, directory, depth, stacks):
    """As opens(), whose stacks differ in their top alone."""
    with jvm.Loop(directory, "PathLoop", depth, 2, stacks, 0, 0, 0, tops.TOP) as loop:
        loop.ns_per_op(args.warmup)
        return traced(args, directory, loop.pid, lambda: loop.ns_per_op(args.window))


def told(args, directory, command, **more):
    """A program that says `ready`, waits for a line, and ends by itself."""
    with subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        while program.stdout.readline() not in ("ready\n", ""):
            pass

        def go():
            program.communicate("\n")
        return traced(args, directory, program.pid, go, **more)


def scenes(args, directory):
    for tier in dimensions.TIERS:
        for stacks in (1, 100, 10_000):
            place = {**dimensions.BASE, "threads": 2, "stacks": stacks, "tier": tier}
            yield f"{tier}, depth {place['depth']}, {stacks} stacks", lambda place=place: opens(args, directory, place)
    for depth in (5, 100, 400):
        place = {**dimensions.BASE, "threads": 2, "stacks": 100, "depth": depth}
        yield f"C2, depth {depth}, 100 stacks", lambda place=place: opens(args, directory, place)
    for depth in (30, 100, 400):
        yield f"C2, depth {depth}, 10 000 tops", lambda depth=depth: other_tops(args, directory, depth, 10_000)
    classes = os.path.join(args.build, CLASSES)
    count = int(2000 * args.window)
    yield "methods that come and go", lambda: told(
        args, directory, [jvm.java_tool("java"), "-Xmx256m", "-cp", classes, "truth.NameChurn", count, 2, EVERY, 0])
    load = os.path.join(args.build, "test/bench/swing_load")
    yield "native, 4 stacks", lambda: told(args, directory, [load, f"500000:{max(1, args.window):.0f}"],
                                          event="syscalls:sys_enter_getppid")


def row(name, counted):
    shares = [f"{100 * counted[key] / max(1, counted['events']):.1f} %" for key in ("again", "rest")]
    table.row(name, f"{counted['events']:,}", *shares, f"{counted['otherwise']:,}")


def run(args):
    print("\nStacks that are met again, compared with a walk of each event\n", flush=True)
    table.head("program", "events", "met again", "all but the top", "of those a walk did not give")
    sums = {"events": 0, "again": 0, "rest": 0, "otherwise": 0}
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "PathLoop.java"], directory)
        for name, scene in scenes(args, directory):
            if args.only not in name:
                continue
            counted = scene()
            for key, count in counted.items():
                sums[key] += count
            row(name, counted)
    row("all", sums)
    if sums["otherwise"]:
        sys.exit("bench: a stack that was met again is not the one that a walk gives")
