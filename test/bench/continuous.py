# SPDX-License-Identifier: Apache-2.0
"""A busy JVM that opens a file some 10 000 times a second: how much slower it gets, and what the tracer itself takes."""
import os
import statistics
import subprocess
import tempfile
import time

import collector
import jvm
import saturation
import table
import tracers

OPENS = 10_000  # a second


class Continuous(tracers.Jtrace):
    """With windows, whose stacks nobody judges here."""

    def start(self, pid):
        self.run([self.program, "-t", tracers.EVENT, "-p", str(pid), "--continuous", "-f",
                  self.out + "-%n{2}.pb.gz", *self.extra], stderr=subprocess.PIPE)
        tracers.wait_for(self.process.stderr, "jtrace: tracing", self.name)


def steps_for(directory, depth, args):
    """Steps between two opens that make OPENS a second."""
    ns = []
    for steps in (0, 100_000):
        with jvm.Loop(directory, "OpenLoop", depth, 1, steps, flags=args.flags.split()) as loop:
            loop.ns_per_op(args.warmup)
            ns.append(loop.ns_per_op(args.window))
    return max(0, int((1e9 / OPENS - ns[0]) * 100_000 / (ns[1] - ns[0])))


def own_cost(tracer, loop, args):
    """Share of a CPU and memory of the tracer's processes over a window of its own."""
    tracer.start(loop.pid)
    loop.ns_per_op(1)  # its helpers for the begin have ended
    pids = collector.family(tracer.process.pid)
    begin, cpu = time.monotonic(), collector.cpu_seconds(pids)
    loop.ns_per_op(args.own)
    share = 100 * (collector.cpu_seconds(pids) - cpu) / (time.monotonic() - begin)
    held = collector.megabytes(pids)
    tracer.stop()
    return share, held


def run(args):
    depth = 60
    jtrace = os.path.join(args.build, "jtrace")
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "OpenLoop.java"], directory)
        measured = [tracers.FilterOnly(directory, os.path.join(args.build, "test/bench/filter_only")),
                    Continuous(directory, jtrace, (), "jtrace --continuous"),
                    Continuous(directory, jtrace, ("--max-overhead", "off"), "jtrace --continuous --max-overhead off"),
                    tracers.Bpftrace(directory), tracers.Perf(directory)]
        for tracer in measured:
            if not tracer.installed:
                print(f"{tracer.name}: not installed, not measured")
        measured = [tracer for tracer in measured if tracer.installed]
        steps = steps_for(directory, depth, args)
        with jvm.Loop(directory, "OpenLoop", depth, 1, steps, flags=args.flags.split()) as loop:
            loop.ns_per_op(args.warmup)
            untraced, added = saturation.rounds(args, loop.quiet_ns_per_op, loop, measured)
            own = {tracer.name: own_cost(tracer, loop, args) if tracer.has_stacks else None for tracer in measured}
    base = statistics.median(untraced)
    print(f"\nA JVM that opens a file {1e9 / base:,.0f} times a second, {depth} calls below main: ns of CPU time an open "
          f"{table.spread(untraced)}\n")
    table.head("tracer", "added per open, ns: median (min .. max)", "the JVM is slower by", "CPU of the tracer",
               "its memory, MB")
    for tracer in measured:
        values = added[tracer.name]
        cost = own[tracer.name]
        table.row(tracer.name, table.spread(values), f"{100 * statistics.median(values) / base:.2f} %",
                  *((f"{cost[0]:.2f} %", f"{cost[1]:.0f}") if cost else ("-", "-")))
