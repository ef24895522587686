#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cost of one traced openat of a JVM at full speed: windows with and without a tracer in turn, in
one JVM. Prints ns added per event (median, min, max of the pairs) and what the walk did.

usage: saturation.py JTRACE [--depth 5,30,100,400] [--rounds 5] [--window 1.0] [--flags "-Xint"]
Needs root and a JDK (JAVA_HOME or java on PATH). Ratios within one run mean something; bare
nanoseconds depend on the machine.
"""
import argparse
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def java_tool(name):
    home = os.environ.get("JAVA_HOME")
    return os.path.join(home, "bin", name) if home else name


def last_line(jvm, wanted):
    """Reads lines until the clock in them is `wanted` ns or later; returns (ops, wall, cpu)."""
    while True:
        line = tuple(map(int, jvm.stdout.readline().split()))
        if line[1] >= wanted:
            return line


def ns_per_op(jvm, seconds):
    """The JVM's CPU time per operation: what else runs on the machine hardly changes it."""
    ops0, wall0, cpu0 = last_line(jvm, time.monotonic_ns() + 100_000_000)
    ops1, _, cpu1 = last_line(jvm, wall0 + int(seconds * 1e9))
    return (cpu1 - cpu0) / max(1, ops1 - ops0)


class Tracer:
    """jtrace on the JVM, from its `jtrace: tracing` line to its profile."""

    def __init__(self, jtrace, pid, extra, out):
        self.out = out
        self.process = subprocess.Popen(
            [jtrace, "-t", "syscalls:sys_enter_openat", "-p", str(pid), "-f", out, *extra],
            stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if line.startswith("jtrace: tracing"):
                return
        sys.exit("jtrace did not start tracing")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.stderr.read()
        self.process.wait()
        return pathlib.Path(self.out).read_text()


def ledger(text, name):
    found = re.search(rf"^\s*{re.escape(name)}\s+([\d,]+)$", text, re.M)
    return int(found.group(1).replace(",", "")) if found else 0


def measure(args, depth, directory):
    jvm = subprocess.Popen([java_tool("java"), *args.flags.split(), "-cp", directory, "OpenLoop",
                            str(depth), str(args.threads)], stdout=subprocess.PIPE, text=True)
    try:
        ns_per_op(jvm, args.warmup)
        added, slow, off_all = [], [], []
        text = ""
        out = os.path.join(directory, "o.txt")
        for _ in range(args.rounds):
            off = ns_per_op(jvm, args.window)
            tracer = Tracer(args.jtrace, jvm.pid, args.extra.split(), out)
            on = ns_per_op(jvm, args.window)
            text = tracer.stop()
            off_all.append(off)
            added.append(on - off)
            slow.append(on / off)
        tracer = Tracer(args.jtrace, jvm.pid, [*args.extra.split(), "--count-cost"], out)
        ns_per_op(jvm, 0.5)
        cost = tracer.stop()
    finally:
        jvm.kill()
        jvm.wait()
    kept = max(1, ledger(cost, "kept"))
    frames = ledger(cost, "frames walked") / kept
    print(f"| {depth} | {statistics.median(off_all):.0f} | {statistics.median(added):.0f} "
          f"({min(added):.0f} .. {max(added):.0f}) | {statistics.median(slow):.2f} "
          f"| {frames:.1f} | {ledger(cost, 'user reads') / kept / max(1, frames):.2f} "
          f"| {ledger(cost, 'map look-ups') / kept / max(1, frames):.2f} "
          f"| {100 * ledger(text, 'complete') / max(1, ledger(text, 'fired')):.3f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jtrace")
    parser.add_argument("--depth", default="5,30,100,400")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", type=float, default=1.0)
    parser.add_argument("--warmup", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--flags", default="", help="JVM flags")
    parser.add_argument("--extra", default="", help="more options for jtrace")
    args = parser.parse_args()
    print("| depth | off ns/op | added ns/event (min .. max) | slowdown | frames | reads/frame "
          "| look-ups/frame | % complete |\n|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([java_tool("javac"), "-d", directory, HERE / "OpenLoop.java"], check=True)
        for depth in map(int, args.depth.split(",")):
            measure(args, depth, directory)


if __name__ == "__main__":
    main()
