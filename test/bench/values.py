# SPDX-License-Identifier: Apache-2.0
"""A JVM that opens a file as fast as it can: what it adds to an event that its data is asked for."""
import os
import statistics
import tempfile

import jvm
import saturation
import table
import tracers

DEPTH = 30
ASKED = ("--by filename", "--by errno", "--by filename,errno,thread", "--weight latency",
         "--by filename --weight latency", "--errors-only")


def run(args):
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "OpenLoop.java"], directory)
        jtrace = os.path.join(args.build, "jtrace")
        measured = [tracers.FilterOnly(directory, os.path.join(args.build, "test/bench/filter_only")),
                    tracers.Jtrace(directory, jtrace),
                    *(tracers.Jtrace(directory, jtrace, tuple(asked.split()), "jtrace " + asked)
                      for asked in ASKED),
                    tracers.Jtrace(directory, jtrace, ("-f", os.path.join(directory, "x.ndjson")),
                                   "jtrace, and -o events")]
        with jvm.Loop(directory, "OpenLoop", DEPTH, args.threads, flags=args.flags.split()) as loop:
            loop.ns_per_op(args.warmup)
            untraced, added = saturation.rounds(args, loop.ns_per_op, loop, measured)
    print(f"\nDepth {DEPTH}: ns per open and close, untraced {table.spread(untraced)}\n")
    table.head("", "added per event, ns: median (min .. max)", "to untraced", "to jtrace")
    base = statistics.median(untraced)
    for tracer in measured:
        values = added[tracer.name]
        table.row(tracer.name, table.spread(values), f"{1 + statistics.median(values) / base:.2f}",
                  table.ratio(values, added["jtrace"]))
