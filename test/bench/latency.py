# SPDX-License-Identifier: Apache-2.0
"""A single thread's calls as `--weight latency` and `strace -T` time them: alone, and the same ones."""
import json
import pathlib
import re
import statistics
import subprocess
import tempfile

import table

READ = ["dd", "if=/dev/zero", "of=/dev/null", "bs=60000", "status=none"]
NAP = "import time\nfor _ in range({}): time.sleep(1e-4)"


def programs(calls):
    """What is called, by which program; which of its calls are looked at, for jtrace and for strace."""
    return [("read", READ + [f"count={calls}"], 'comm == "dd" && count == 60000', r", 60000\)"),
            ("clock_nanosleep", ["python3", "-c", NAP.format(calls)], 'comm ~ "python*"', "")]


def jtrace_command(args, call, which, output):
    return [f"{args.build}/jtrace", "-q", "-t", f"syscalls:sys_enter_{call}", "--weight", "latency",
            "--filter", which, "-f", output, "--"]


def jtrace_times(path):
    """Calls, their mean in µs, and the power of two that the median lies in."""
    profile = json.loads(pathlib.Path(path).read_text())
    events, time = (sum(stack["values"][i] for stack in profile["stacks"]) for i in (0, 1))
    rest, buckets = events / 2, profile["histograms"][0]["buckets"]
    for bucket in buckets:
        rest -= bucket["count"]
        if rest <= 0:
            break
    return events, time / events / 1000, f"{bucket['from'] / 1000:.1f} - {bucket['to'] / 1000:.1f}"


def strace_times(path, call, shape):
    lines = pathlib.Path(path).read_text().splitlines()
    times = [float(found.group(1)) * 1e6 for line in lines
             if line.startswith(call) and re.search(shape, line)
             and (found := re.search(r"<([0-9.]+)>$", line))]
    return len(times), statistics.mean(times), statistics.median(times)


def run(args):
    print("\nA single thread's calls, µs: means, and where the median lies\n")
    table.head("call", "calls", "jtrace alone", "median", "`strace -T` alone", "median",
               "both: jtrace", "median", "both: strace", "median")
    with tempfile.TemporaryDirectory() as folder:
        seen, timed = f"{folder}/out.json", f"{folder}/strace"
        for call, program, which, shape in programs(args.calls // 50):
            strace = ["strace", "-T", "-o", timed, "-e", f"trace={call}"]
            jtrace = jtrace_command(args, call, which, seen)
            quiet = {"check": True, "stderr": subprocess.DEVNULL}
            subprocess.run([*jtrace, *program], **quiet)
            cells = list(jtrace_times(seen))
            subprocess.run([*strace, *program], **quiet)
            cells += strace_times(timed, call, shape)[1:]
            subprocess.run([*jtrace, *strace, *program], **quiet)
            events, *both = jtrace_times(seen)
            count, *other = strace_times(timed, call, shape)
            if not events == count == cells[0]:
                raise SystemExit(f"bench: {call}: {cells[0]}, {events} and {count} calls")
            cells += [*both, *other]
            table.row(call, *(f"{cell:.1f}" if isinstance(cell, float) else cell for cell in cells))
