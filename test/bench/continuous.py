# SPDX-License-Identifier: Apache-2.0
"""A busy JVM that opens a file some 10 000 times a second: how much slower it gets, and what the tracer itself takes."""
import contextlib
import os
import statistics
import subprocess
import tempfile
import time

import jvm
import saturation
import table
import tracers

OPENS = 10_000  # a second
TICKS = os.sysconf("SC_CLK_TCK")


def family(pid):
    """The process and all below it."""
    found = [pid]
    for parent in found:
        for task in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as children:
                found += map(int, children.read().split())
    return found


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            words = stat.read().rpartition(")")[2].split()
        total += int(words[11]) + int(words[12])
    return total / TICKS


def megabytes(pids):
    """What the processes hold, pages that are shared once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(ProcessLookupError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
            total += sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    return total / 1024


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
    pids = family(tracer.process.pid)
    begin, cpu = time.monotonic(), cpu_seconds(pids)
    loop.ns_per_op(args.own)
    share = 100 * (cpu_seconds(pids) - cpu) / (time.monotonic() - begin)
    held = megabytes(pids)
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
