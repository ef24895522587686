# SPDX-License-Identifier: Apache-2.0
"""Two threads of a JVM that open a file as fast as they can, and two native ones that ask for their parent 500 000 times a
second together: what the collector takes, and whether anything is lost."""
import os
import statistics
import subprocess
import tempfile
import time

import collector
import dimensions
import jvm
import table
import tracers


RATE = 250_000  # of each of the two


def asked(args, directory):
    """One round of the native ones: what the tracer took, and what of all calls it did not count."""
    load = [os.path.join(args.build, "test/bench/swing_load"), f"{RATE}:{max(2, 5 * args.window)}"]
    programs = [subprocess.Popen(load, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    tracer = tracers.Jtrace(directory, os.path.join(args.build, "jtrace"), event="syscalls:sys_enter_getppid")
    tracer.start(",".join(str(program.pid) for program in programs))
    pids = collector.family(tracer.process.pid)
    begin, cpu = time.monotonic(), collector.cpu_seconds(pids)
    for program in programs:
        program.stdin.write("\n")
        program.stdin.flush()
    said = [program.stdout.read().partition("switches")[0].split() for program in programs]
    seconds, used = time.monotonic() - begin, collector.cpu_seconds(pids) - cpu
    tracer.stop()
    for program in programs:
        program.wait()
    calls = sum(int(word) for words in said for word in words if word.isdigit())
    counted = sum(count for _, count in tracer.stacks())
    return {"rate": calls / seconds, "cpu": 100 * used / seconds, "lost": 100 * (calls - counted) / calls, "whole": None}


def run(args):
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "PathLoop.java"], directory)
        for stacks in (1, 100):
            place = {**dimensions.BASE, "threads": 2, "stacks": stacks}
            with dimensions.program(directory, place) as loop:
                loop.ns_per_op(args.warmup)
                for _ in range(args.rounds):
                    tracer = tracers.Jtrace(directory, os.path.join(args.build, "jtrace"))
                    found.setdefault(stacks, []).append(dimensions.watched(args, loop, tracer, place["depth"]))
        for _ in range(args.rounds):
            found.setdefault("two native, 4", []).append(asked(args, directory))
    print(f"\nTwo threads of a JVM that open a file as fast as they can, {dimensions.BASE['depth']} calls below main; two native programs "
          f"of {RATE:,} getppid a second each: median (min .. max)\n")
    table.head("different stacks", "events a second", "collector, % of a CPU", "complete stacks", "events lost, %")
    for stacks, rounds in found.items():
        whole = [one["whole"] for one in rounds if one["whole"] is not None]
        table.row(stacks, table.spread([one["rate"] for one in rounds]), table.spread([one["cpu"] for one in rounds], 2),
                  f"{statistics.median(whole):.2f} %" if whole else "-", f"{max(one['lost'] for one in rounds):.4f}")
