# SPDX-License-Identifier: Apache-2.0
"""What a process that nobody traces pays for its system calls while a JVM is traced."""
import os
import subprocess
import tempfile

import jvm
import table
import tracers

CALLS = ("getppid", "open and close", "mmap and munmap")


def calls_ns(args):
    line = subprocess.check_output([os.path.join(args.build, "test/bench/syscall_loop"),
                                    str(args.calls)], text=True)
    return tuple(map(float, line.split()))


def run(args):
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "OpenLoop.java"], directory)
        measured = tracers.all_tracers(args.build, directory)
        measured.append(tracers.JtraceByName(directory, os.path.join(args.build, "jtrace"),
                                             name="jtrace --comm"))
        untraced = []
        added = {tracer.name: [] for tracer in measured}
        # No opener: the JVM only waits.
        with jvm.Loop(directory, "OpenLoop", 1, 0) as idle:
            idle.line_at(0)
            before = calls_ns(args)
            for turn in range(args.rounds):
                for tracer in measured if turn % 2 == 0 else reversed(measured):
                    tracer.start(idle.pid)
                    on = calls_ns(args)
                    tracer.stop()
                    after = calls_ns(args)
                    untraced.append(before)
                    added[tracer.name].append(
                        tuple(o - (b + a) / 2 for o, b, a in zip(on, before, after)))
                    before = after
    print("\nAn untraced process while an idle JVM is traced: ns of CPU time, median (min .. max)\n")
    table.head("", *CALLS)
    columns = list(zip(*untraced))
    table.row("no tracer", *(table.spread(c, 1) for c in columns))
    for tracer in measured:
        table.row(tracer.name + ", added",
                  *(f"{table.spread(c, 1)}, x {table.ratio([b + x for b, x in zip(base, c)], base)}"
                    for c, base in zip(zip(*added[tracer.name]), columns)))
