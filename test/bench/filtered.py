# SPDX-License-Identifier: Apache-2.0
"""What an event costs its process that --filter leaves out, beside one that nobody asked for."""
import atexit
import os
import subprocess
import tempfile

import collector
import table
import tracers

EIGHT = " || ".join(f"flags == {1 << n}" for n in range(8))
FILTERS = (
    ("number", "flags & O_CREAT"),
    ("8 numbers, joined by ||", EIGHT),
    ("comm", 'comm == "nobody"'),
    ("path, other at its beginning", 'filename ~ "/tmp/*"'),
    ("path, other at its end", 'filename ~ "*.jar"'),
    ("path, sought within", 'filename ~ "*jar*"'),
)


class Loop:
    """A process that opens and closes when told to."""

    def __init__(self, build, count):
        self.process = subprocess.Popen(
            [os.path.join(build, "test/bench/open_loop"), str(count)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(self.process.kill)
        self.process.stdout.readline()

    def ns(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def all_tracers(build, directory):
    """Name, tracer, and whether it is told to trace another process."""
    jtrace = os.path.join(build, "jtrace")

    def jtrace_with(name, *extra):
        return tracers.Jtrace(directory, jtrace, extra, name)

    return [
        (tracers.FilterOnly(directory, os.path.join(build, "test/bench/filter_only")), True),
        (jtrace_with("jtrace, another process"), True),
        (jtrace_with("jtrace, all sampled out", "-i", "4000000000"), False),
        *((jtrace_with(f"jtrace --filter, {name}", "--filter", text), False)
          for name, text in FILTERS),
        (jtrace_with("jtrace, every event walked"), False),
    ]


def run(args):
    with tempfile.TemporaryDirectory() as directory:
        measured = all_tracers(args.build, directory)
        loop, other = Loop(args.build, args.calls), Loop(args.build, 1)
        untraced, added = [], {tracer.name: [] for tracer, _ in measured}
        inside = {tracer.name: [] for tracer, _ in measured}
        before = loop.ns()
        for turn in range(args.rounds):
            for tracer, of_other in measured if turn % 2 == 0 else reversed(measured):
                tracer.start(other.process.pid if of_other else loop.process.pid)
                on = loop.ns()
                inside[tracer.name].append(collector.ns_per_run(tracer, loop.ns))
                tracer.stop()
                after = loop.ns()
                untraced.append(before)
                added[tracer.name].append(on - (before + after) / 2)
                before = after
    print("\nA process that opens and closes a file: ns of CPU time, median (min .. max)\n")
    table.head("", "added per open and close", "to filter only", "in the program")
    table.row("no tracer", table.spread(untraced), "", "")
    base = added[measured[0][0].name]
    for tracer, _ in measured:
        values = added[tracer.name]
        ns = [one for one in inside[tracer.name] if one is not None]
        table.row(tracer.name, table.spread(values), f"x {table.ratio(values, base)}",
                  table.spread(ns) if ns else "-")
