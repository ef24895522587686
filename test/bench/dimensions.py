# SPDX-License-Identifier: Apache-2.0
"""A JVM that opens a file as fast as it can, by the next of so many call paths each time: what each
tracer adds, takes and loses, one dimension at a time varied from a base."""
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

import collector
import jvm
import plot
import saturation
import table
import tracers

BASE = {"depth": 30, "threads": 1, "stacks": 1, "tier": "C2"}
TIERS = {"interpreted": ["-Xint"], "C1": ["-XX:TieredStopAtLevel=1"], "C2": []}
AXES = {"depth": (5, 30, 100, 400), "stacks": (1, 100, 10_000), "threads": (1, 2), "tier": tuple(TIERS)}
TITLES = {"depth": "calls below main", "stacks": "different stacks, one after the other",
          "threads": "threads that open", "tier": "compiler"}
SELDOM = 0.01  # runs an event of a program that are not shown
MANY = ["-XX:ReservedCodeCacheSize=240m", "-XX:CompileCommand=quiet", "-XX:CompileCommand=dontinline,M*::*",
        "-XX:Tier3LoadFeedback=1000000"]
CALLS = ("PathLoop.left", "PathLoop.right")
COLOURS = {"filter only": plot.GREY, "jtrace": plot.BLUE, "jtrace --recall off": plot.VIOLET,
           "jtrace --cstack fp": plot.GREEN, "bpftrace, ustack": plot.ORANGE, "perf record -g": plot.BROWN,
           "async-profiler": plot.RED}
COUNTERS = ("user reads", "map look-ups", "frames walked", "stacks that were met again")


def program(directory, place, turn=0, classes=0, calls=0):
    """PathLoop at one place of the table."""
    flags = MANY if classes else []
    return jvm.Loop(directory, "PathLoop", place["depth"], place["threads"], place["stacks"], turn, classes, calls,
                    flags=TIERS[place["tier"]] + flags)


def watched(args, loop, tracer, depth):
    """A window that begins and ends while nothing is opened, so that the program knows what there was
    to count: what the tracer took meanwhile, and what it counted."""
    before = loop.pause()
    tracer.start(loop.pid)
    pids = collector.family(tracer.process.pid) if tracer.process else []
    with collector.Programs(pids) as programs:
        begin, cpu = time.monotonic(), collector.cpu_seconds(pids)
        loop.go()
        loop.ns_per_op(2 * args.window)
        pids = collector.family(tracer.process.pid) if tracer.process else []
        seconds = time.monotonic() - begin
        done = {"cpu": 100 * (collector.cpu_seconds(pids) - cpu) / seconds,
                "memory": collector.megabytes(pids), "maps": collector.map_megabytes(pids)}
        opened = loop.pause() - before
        done["rate"] = opened / seconds
        done["programs"] = {name: (ns / opened, runs / opened) for name, (ns, runs) in programs.since().items()}
    tracer.stop()
    loop.go()
    if tracer.output.startswith("not seen"):
        sys.exit(f"bench: {tracer.name} did not see the JVM")
    if tracer.has_stacks:
        seen = saturation.Verdict(tracer.stacks(), depth, CALLS, tracer.entries)
        events = tracer.counted()
        events = seen.events if events is None else events
        done |= {"whole": 100 * seen.whole / max(1, seen.events), "lost": 100 * max(0, opened - events) / opened,
                 "frames": seen.frames / max(1, seen.events), "different": seen.different}
    return done


def counted(args, directory, loop, extra):
    """What jtrace itself counts of its work, per event, in a window of its own: counting costs."""
    tracer = tracers.Jtrace(directory, os.path.join(args.build, "jtrace"), ("--count-cost", *extra))
    tracer.start(loop.pid)
    loop.ns_per_op(args.window)
    tracer.stop()
    kept = max(1, tracer.ledger("kept"))
    return {name: tracer.ledger(name) / kept for name in COUNTERS}


def measure(args, directory, place):
    """{tracer: what was measured of it} at one place, and the untraced ns."""
    measured = tracers.all_tracers(args.build, directory, async_profiler=args.async_profiler)
    with program(directory, place) as loop:
        loop.ns_per_op(args.warmup)
        untraced, added = saturation.rounds(args, loop.ns_per_op, loop, measured)
        found = {}
        for tracer in measured:
            found[tracer.name] = {"added": added[tracer.name], **watched(args, loop, tracer, place["depth"])}
            if isinstance(tracer, tracers.Jtrace):
                found[tracer.name]["counted"] = counted(args, directory, loop, tracer.extra)
    return {"untraced": untraced, "tracers": found}


def show(axis, value, result):
    base = statistics.median(result["untraced"])
    rest = ", ".join(f"{name} {BASE[name]}" for name in BASE if name != axis)
    print(f"\n{axis} {value} ({rest}): ns of CPU time per open and close, untraced {table.spread(result['untraced'])}\n")
    table.head("tracer", "added per event, ns: median (min .. max)", "target slowdown", "of that in BPF programs, ns",
               "collector CPU", "its memory, MB", "its kernel maps, MB", "frames", "complete stacks",
               "different stacks", "events lost")
    for name, one in result["tracers"].items():
        own = "cpu" in one and name != tracers.AsyncProfiler.name
        stacks = "whole" in one
        table.row(name, table.spread(one["added"]), f"x {1 + statistics.median(one['added']) / base:.2f}",
                  f"{sum(ns for ns, _ in one['programs'].values()):.0f}" if one["programs"] else "-",
                  *((f"{one['cpu']:.1f} %", f"{one['memory']:.0f}", f"{one['maps']:.1f}") if own else
                    ("in the target", "-", "-")),
                  *((f"{one['frames']:.1f}", f"{one['whole']:.2f} %", one["different"], f"{one['lost']:.3f} %")
                    if stacks else ("-", "-", "-", "-")))
    print("\nOf an event: what jtrace counts itself (`--count-cost`), and runs of BPF programs with the ns of one\n")
    table.head("tracer", *COUNTERS, "BPF programs: runs an event x ns")
    for name, one in result["tracers"].items():
        counts = [f"{one['counted'][key]:.2f}" for key in COUNTERS] if "counted" in one else ["-"] * len(COUNTERS)
        runs = ", ".join(f"{program} {number:.2f} x {ns / number:.0f}"
                         for program, (ns, number) in sorted(one["programs"].items(), key=lambda item: -item[1][1])
                         if number >= SELDOM)
        if runs or "counted" in one:
            table.row(name, *counts, runs or "-")


def columns(results):
    """Names of all tracers in their order."""
    return list(dict.fromkeys(name for values in results.values() for one in values.values() for name in one["tracers"]))


def summary(results):
    """All that is kept, a row for each place."""
    names = columns(results)
    places = [(axis, value, one) for axis in AXES if axis in results for value, one in results[axis].items()]
    print("\nns added per event: median (min .. max)\n")
    table.head("", "untraced, ns", *names)
    for axis, value, one in places:
        table.row(f"{axis} {value}", table.spread(one["untraced"]),
                  *(table.spread(one["tracers"][name]["added"]) if name in one["tracers"] else "-" for name in names))
    print("\nComplete stacks; events lost\n")
    judged = [name for name in names if any("whole" in one["tracers"].get(name, ()) for _, _, one in places)]
    table.head("", *judged)
    for axis, value, one in places:
        cells = (one["tracers"].get(name) for name in judged)
        table.row(f"{axis} {value}", *(f"{cell['whole']:.2f} %; {cell['lost']:.3f} %" if cell else "-" for cell in cells))


def draw(results, path):
    """A panel for each axis: ns added by each tracer."""
    panels = []
    for index, (axis, values) in enumerate((a, results[a]) for a in AXES if a in results):
        names = columns(results)
        medians = {name: [statistics.median(one["tracers"][name]["added"]) if name in one["tracers"] else None
                          for one in values.values()] for name in names}
        positive = [m for row in medians.values() for m in row if m and m > 0] or [1]
        across = plot.Axis(-0.5, len(values) - 0.5, list(enumerate(values)))
        panel = plot.Panel(index, f"{TITLES[axis]}: ns added to an open, log", plot.decades(max(10, min(positive)), max(positive)),
                           across)
        panel.legend([(name, COLOURS.get(name, plot.INK)) for name in names] if index == 0 else [])
        for number, name in enumerate(names):
            colour = COLOURS.get(name, plot.INK)
            points = [(at, m) for at, m in enumerate(medians[name]) if m is not None]
            panel.line(points, colour)
            for at, m in points:
                one = list(values.values())[at]
                low, high = (f(one["tracers"][name]["added"]) for f in (min, max))
                panel.dot(at, m, colour)
                panel.spread(at, low, high, colour, 2 * (number - len(names) / 2))
        panels.append(panel)
    plot.save(path, panels, "test/bench/run dimensions")


def run(args):
    out = pathlib.Path(args.out)
    kept = out / "bench.json"
    results = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    axes = args.axis.split(",") if args.axis else list(AXES)
    for axis in axes:
        if axis not in AXES:
            sys.exit(f"bench: --axis {axis}: dimensions has {', '.join(AXES)}")
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "PathLoop.java"], directory)
        for axis in axes:
            chosen = [value for value in AXES[axis] if not args.only or str(value) in args.only.split(",")]
            results[axis] = {}
            for value in chosen:
                results[axis][str(value)] = measure(args, directory, {**BASE, axis: value})
                show(axis, value, results[axis][str(value)])
    kept.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    summary(results)
    draw(results, out / "bench.svg")
