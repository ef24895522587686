#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plain walk, remembered walk and no walk at all, in turn, in one JVM: ns of CPU time added per
event (medians), hit rate, and differences between remembered and plain walks (must be 0).

usage: spike.py BUILD_DIR cost [--program OpenLoop] [--args 30] [--flags=-Xint] [--rounds 7]
       spike.py BUILD_DIR check [--program Churn] [--args "4 20"] [--seconds 60] [--variant both]
Needs root, a JDK and bpftool; `ninja spike_remembered` builds the programs.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import jvm  # noqa: E402
import tracers  # noqa: E402

BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"
STATS = ["hit", "cold", "stale", "leaf differs", "word differs", "fault", "unsent", "too long",
         "wrong", "sum words", "sum window", "misses compared", "shared", "shared of"]


def spike_stats(pid):
    """The counters of the spike that `pid` (a tracer) has open, by name."""
    texts = [f.read_text() for f in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir()]
    ids = {int(line.split()[1]) for text in texts for line in text.splitlines()
           if line.startswith("map_id:")}
    named = json.loads(subprocess.check_output([BPFTOOL, "-j", "map", "show"]))
    ids = [m["id"] for m in named if m["id"] in ids and m.get("name") == "spike_stats"]
    rows = json.loads(subprocess.check_output([BPFTOOL, "-j", "map", "dump", "id", str(ids[0])]))
    values = [cpu["value"]["value"] for cpu in rows[0]["formatted"]["values"]]
    sums = [sum(int(v) for v in column) for column in zip(*values)]
    found = dict(zip(STATS, sums))
    found["tenths"] = sums[len(STATS):]
    return found


def hit_rate(stats):
    tried = sum(stats[name] for name in STATS[:7])
    return 100 * stats["hit"] / max(1, tried), tried


def start(args, directory):
    return jvm.Loop(directory, args.program, *args.args.split(), flags=args.flags.split())


def traced(args, name, directory, loop):
    tracer = tracers.Jtrace(directory, spike(args, name))
    tracer.start(loop.pid)
    return tracer


def spike(args, name):
    if name == "plain":
        return os.path.join(args.build, "jtrace")
    return os.path.join(args.build, "test/bench/spike_remembered", f"spike_{name}")


def cost(args, directory):
    variants = args.variants.split(",")
    loop = start(args, directory)
    try:
        loop.ns_per_op(args.warmup)
        added = {name: [] for name in variants}
        rate, offs = {}, []
        for turn in range(args.rounds):
            for name in variants if turn % 2 == 0 else reversed(variants):
                before = loop.ns_per_op(args.window)
                tracer = traced(args, name, directory, loop)
                on = loop.ns_per_op(args.window)
                if name.startswith("remember"):
                    rate[name] = hit_rate(spike_stats(tracer.process.pid))[0]
                tracer.stop()
                after = loop.ns_per_op(args.window / 2)
                added[name].append(on - (before + after) / 2)
                offs += [before, after]
        tracer = traced(args, "both", directory, loop)
        loop.ns_per_op(args.window)
        stats = spike_stats(tracer.process.pid)
        tracer.stop()
    finally:
        loop.process.kill()
        loop.process.wait()
    walks = max(1, hit_rate(stats)[1] - stats["too long"])
    cells = " | ".join(f"{name} {statistics.median(v):.0f} ({min(v):.0f} .. {max(v):.0f})"
                       for name, v in added.items())
    print(f"{args.program} {args.args} {args.flags} | off {statistics.median(offs):.0f} | {cells} | hits "
          f"{', '.join(f'{n} {r:.3f} %' for n, r in rate.items())} "
          f"| words {stats['sum words'] / walks:.0f}, window {stats['sum window'] / walks:.0f} "
          f"| wrong {stats['wrong']} of {stats['hit']}", flush=True)


def check(args, directory):
    """Both walks at every event for a while."""
    loop = start(args, directory)
    try:
        loop.line_at(time.monotonic_ns() + int(args.warmup * 1e9))
        tracer = traced(args, args.variant, directory, loop)
        loop.line_at(time.monotonic_ns() + int(args.seconds * 1e9))
        stats = spike_stats(tracer.process.pid)
        tracer.process.kill()  # its profile of so many stacks is not wanted
        tracer.process.wait()
    finally:
        loop.process.kill()
        loop.process.wait()
    rate, tried = hit_rate(stats)
    tenths = stats["tenths"]
    misses = max(1, stats["misses compared"])
    print(f"{args.variant}: {args.program} {args.args} {args.flags}: {tried} events, hits {rate:.2f} %, wrong "
          f"{stats['wrong']} | " + ", ".join(f"{n} {stats[n]}" for n in STATS[1:8]) +
          f" | misses: {100 * stats['shared'] / max(1, stats['shared of']):.1f} % of words shared from the "
          "root; by tenths: " + " ".join(f"{100 * t / misses:.1f}" for t in tenths), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("what", choices=["cost", "check"])
    parser.add_argument("--program", default="OpenLoop")
    parser.add_argument("--args", default="30")
    parser.add_argument("--flags", default="")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--window", type=float, default=0.7)
    parser.add_argument("--warmup", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--variants", default="plain,remember,fixed")
    parser.add_argument("--variant", default="both")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        sources = [HERE.parent / "OpenLoop.java", HERE / "Churn.java", HERE / "Alternate.java"]
        subprocess.run([jvm.java_tool("javac"), "-d", directory, *sources], check=True)
        (cost if args.what == "cost" else check)(args, directory)


if __name__ == "__main__":
    main()
