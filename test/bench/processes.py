# SPDX-License-Identifier: Apache-2.0
"""A JVM that opens a file as fast as it can among others that wait: what it pays for their number,
where all are targets (--comm java)."""
import contextlib
import os
import tempfile
import time

import jvm
import saturation
import table
import tracers

DEPTH = 30
NUMBERS = (1, 16, 64)
SMALL = ["-Xmx16m", "-Xint", "-XX:+UseSerialGC"]


class ByName(tracers.Jtrace):
    def start(self, pid):
        self.run([self.program, "-t", tracers.EVENT, "--comm", "java", "-f", self.out + ".collapsed",
                  "-f", self.out + ".txt", *self.extra], stderr=tracers.subprocess.PIPE)
        tracers.wait_for(self.process.stderr, "jtrace: tracing", self.name)

    def idle_cpu(self, seconds):
        """CPU time of the collector per second while nothing fires."""
        def used():
            fields = open(f"/proc/{self.process.pid}/stat").read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        before = used()
        time.sleep(seconds)
        return (used() - before) / seconds


class Others:
    """JVMs that wait."""

    def __init__(self, directory):
        self.directory, self.loops = directory, []

    def grow(self, number):
        more = [jvm.Loop(self.directory, "OpenLoop", 1, 0, flags=SMALL) for _ in range(number - len(self.loops))]
        self.loops += more
        for loop in more:
            loop.line_at(0)

    def close(self):
        for loop in self.loops:
            loop.__exit__()


def run(args):
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "OpenLoop.java"], directory)
        tracer = ByName(directory, os.path.join(args.build, "jtrace"))
        with contextlib.closing(Others(directory)) as others:
            for number in (n for n in NUMBERS if not args.only or str(n) in args.only.split(",")):
                others.grow(number - 1)
                with jvm.Loop(directory, "OpenLoop", DEPTH, 1) as loop:
                    loop.ns_per_op(args.warmup)
                    untraced, added = saturation.rounds(args, loop.ns_per_op, loop, [tracer])
                tracer.start(0)
                idle_cpu = tracer.idle_cpu(2)
                tracer.stop()
                rows.append((number, untraced, added[tracer.name], idle_cpu))
    print(f"\nDepth {DEPTH}, one JVM opens, the others wait; jtrace --comm java\n")
    table.head("JVMs", "added per event, ns: median (min .. max)", "to one JVM",
               "collector's CPU while none opens")
    for number, untraced, added, idle_cpu in rows:
        table.row(str(number), table.spread(added), table.ratio(added, rows[0][2]),
                  f"{100 * idle_cpu:.1f} %")
