# SPDX-License-Identifier: Apache-2.0
"""A JVM each of whose stacks has never been before, and in other windows 64 in turns, by the same compiled methods: what
jtrace adds, with what it remembers of stacks and without. Where each is walked, the difference of the two is what a new stack takes
besides its walk: its record in the ring buffer and its place in the table of stacks."""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import collector
import jvm
import saturation
import table
import tracers

FEWEST = 25  # calls: Strangers needs 24 for its paths
WARM = 500_000  # opens behind which it keeps its rate
ROOM = 60_000  # stacks of a trace: the table of stacks has 65 536
KNOWN = 64
CALLS = ("Strangers.left", "Strangers.right")
NEW = 99.9  # % of the stacks: of less the figures would be those of something else
MODES = {"jtrace": (), "jtrace --recall off": ("--recall", "off")}
COUNTERS = ("frames walked", "user reads", "stacks that were met again", "stacks of which all but the top was met again")


def judge_new(name, different, events):
    if different < NEW / 100 * events:
        sys.exit(f"bench: strangers: {name}: {different} different stacks in {events} events: not all were new")


class Windowed(tracers.Jtrace):
    """A file for each window, which ends before the table of stacks is full."""

    def __init__(self, directory, program, rate):
        super().__init__(directory, program)
        self.length = 1000 * ROOM // rate

    def start(self, pid):
        self.run([self.program, "-t", self.event, "-p", str(pid), "-f", self.out + "-%n.collapsed", "--loop", f"{self.length}ms",
                  "--max-memory", "1G", "--max-overhead", "off"], stderr=subprocess.PIPE)
        tracers.wait_for(self.process.stderr, "jtrace: tracing", self.name)

    def numbers(self):
        """Of the program's stacks: windows, events, different ones."""
        files = sorted(pathlib.Path(os.path.dirname(self.out)).glob("trace-*.collapsed"))
        events, different = 0, set()
        for file in files:
            for line in file.read_text(encoding="utf-8").splitlines():
                if any(call in line for call in CALLS):
                    stack, _, count = line.rpartition(" ")
                    events += int(count)
                    different.add(hash(stack))
        return len(files), events, len(different)


class Case:
    """A tracer, of new stacks or known ones, and what was measured of it."""

    def __init__(self, args, directory, depth, loop, new, name, extra):
        self.tracer = tracers.Jtrace(directory, os.path.join(args.build, "jtrace"), extra, name)
        self.args, self.depth, self.loop, self.new = args, depth, loop, new
        self.added, self.inside, self.cpu = [], [], []
        self.events = self.different = self.whole = self.frames = self.opened = 0

    def begin(self):
        self.loop.tell("n" if self.new else "k")
        self.loop.go()

    def turn(self):
        """A window untraced on both sides; the kernel's clock has a window of its own in the same trace."""
        window = self.args.window
        self.begin()
        before = self.loop.ns_per_op(window)
        opened = self.loop.pause()
        self.tracer.start(self.loop.pid)
        pids = collector.family(self.tracer.process.pid)
        self.loop.go()
        begin, used = time.monotonic(), collector.cpu_seconds(pids)
        on = self.loop.ns_per_op(window)
        self.cpu.append(100 * (collector.cpu_seconds(pids) - used) / (time.monotonic() - begin))
        self.inside.append(collector.ns_per_run(self.tracer, lambda: self.loop.ns_per_op(window)) or 0)
        self.opened += self.loop.pause() - opened
        self.tracer.stop()
        self.judge()
        self.loop.go()
        after = self.loop.ns_per_op(window)
        self.loop.pause()
        self.added.append(on - (before + after) / 2)

    def judge(self):
        seen = saturation.Verdict(self.tracer.stacks(), self.depth, CALLS)
        self.events += seen.events
        self.whole += seen.whole
        self.frames += seen.frames
        self.different += seen.different
        if self.new:
            judge_new(self.tracer.name, seen.different, seen.events)

    def counted(self):
        """Of an event, counted by jtrace itself in a trace of its own."""
        tracer = tracers.Jtrace(os.path.dirname(self.tracer.out), self.tracer.program,
                                ("--count-cost", *self.tracer.extra))
        tracer.start(self.loop.pid)
        self.begin()
        self.loop.ns_per_op(self.args.window)
        self.loop.pause()
        tracer.stop()
        kept = max(1, tracer.ledger("kept"))
        return [f"{tracer.ledger(name) / kept:.2f}" for name in COUNTERS]

    def row(self, counted):
        events = max(1, self.events)
        table.row("each new" if self.new else f"{KNOWN} in turns", self.tracer.name, table.spread(self.added), table.spread(self.inside),
                  f"{100 * self.different / events:.2f} %" if self.new else "-", f"{self.events:,}",
                  f"{100 * max(0, self.opened - self.events) / max(1, self.opened):.3f} %", f"{100 * self.whole / events:.2f} %",
                  f"{self.frames / events:.1f}", f"{statistics.median(self.cpu):.1f}", *counted)


def measure(args, directory, depth, where):
    rate = int(min(args.rate, ROOM / (2 * args.window + 1)))
    with jvm.Loop(directory, "Strangers", depth, rate, KNOWN, where) as loop:
        cases = [Case(args, directory, depth, loop, new, name, extra) for new in (True, False) for name, extra in MODES.items()]
        while loop.line_at(0)[0] < WARM:
            pass
        loop.ns_per_op(args.warmup)
        loop.pause()
        for turn in range(args.rounds):
            for case in cases if turn % 2 == 0 else reversed(cases):
                case.turn()
        counted = [case.counted() for case in cases]
    print(f"\n{depth} calls, stacks that differ next to the {where}; {rate:,} opens a second in 10 bursts: ns, median (min .. max)\n")
    table.head("stacks", "tracer", "added per open and close", "a run of its BPF program", "of the stacks new", "events", "lost",
               "complete", "frames", "collector, % of a CPU", *COUNTERS)
    for case, counts in zip(cases, counted):
        case.row(counts)


def lasting(args, directory, depth, where):
    """Windows one after the other, so that more stacks than the table holds are all counted."""
    tracer = Windowed(directory, os.path.join(args.build, "jtrace"), args.rate)
    with jvm.Loop(directory, "Strangers", depth, args.rate, KNOWN, where) as loop:
        while loop.line_at(0)[0] < WARM:
            pass
        loop.ns_per_op(args.warmup)
        before = loop.pause()
        tracer.start(loop.pid)
        pids = collector.family(tracer.process.pid)
        begin, used = time.monotonic(), collector.cpu_seconds(pids)
        loop.go()
        loop.ns_per_op(args.lasting)
        cpu = 100 * (collector.cpu_seconds(pids) - used) / (time.monotonic() - begin)
        opened = loop.pause() - before
        tracer.stop()
    windows, events, different = tracer.numbers()
    judge_new(tracer.name, different, events)
    print(f"\n{depth} calls, {where}: {args.rate:,} new stacks a second, --loop {tracer.length}ms --max-memory 1G\n")
    table.head("windows", "opened", "events", "different stacks", "lost", "collector, % of a CPU")
    table.row(windows, f"{opened:,}", f"{events:,}", f"{different:,}", f"{100 * max(0, opened - events) / max(1, opened):.3f} %", f"{cpu:.1f}")


def run(args):
    depths = [depth for depth in map(int, args.depth.split(",")) if depth >= FEWEST]
    if not depths:
        sys.exit(f"bench: --depth {args.depth}: strangers needs {FEWEST} calls or more, by which its stacks differ")
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "Strangers.java"], directory)
        for depth in depths:
            for where in args.where.split(","):
                measure(args, directory, depth, where)
        if args.lasting > 0:
            lasting(args, directory, depths[0], args.where.split(",")[0])
