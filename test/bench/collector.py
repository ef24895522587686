# SPDX-License-Identifier: Apache-2.0
"""What the processes of a tracer take: CPU time, memory, kernel maps, time in BPF programs."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess

TICKS = os.sysconf("SC_CLK_TCK")
STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
BPFTOOL = shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin")
GONE = (FileNotFoundError, ProcessLookupError)


def family(pid):
    """The process and all below it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(*GONE):
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as children:
                    found += map(int, children.read().split())
    return found


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        with contextlib.suppress(*GONE), open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            words = stat.read().rpartition(")")[2].split()
            total += int(words[11]) + int(words[12])
    return total / TICKS


def megabytes(pids):
    """What the processes hold, pages that are shared once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(*GONE), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
            total += sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    return total / 1024


def descriptors(pids):
    """Of each open file of theirs what the kernel tells of it: {name: value}."""
    for pid in pids:
        with contextlib.suppress(*GONE):
            for fd in os.listdir(f"/proc/{pid}/fdinfo"):
                with contextlib.suppress(*GONE), open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as info:
                    yield dict(line.split(":", 1) for line in info.read().splitlines() if ":" in line)


def map_megabytes(pids):
    """Of kernel memory in their BPF maps, each once."""
    maps = {int(info["map_id"]): int(info["memlock"]) for info in descriptors(pids)
            if "map_id" in info and "memlock" in info}
    return sum(maps.values()) / 2 ** 20


def helper_calls(pids):
    """{kind: number} of the helper calls that jtrace_cost counts, from its start."""
    ids = {int(info["map_id"]) for info in descriptors(pids) if "map_id" in info}
    shown = json.loads(subprocess.check_output([BPFTOOL, "-j", "map", "show"], text=True))
    (counted,) = (one["id"] for one in shown if one["id"] in ids and one.get("name") == ".data.calls")
    dump = json.loads(subprocess.check_output([BPFTOOL, "-j", "map", "dump", "id", str(counted)], text=True))
    return dump[0]["formatted"]["value"][".data.calls"][0]["helper_calls"]


class Programs:
    """Time in the BPF programs of a tracer's processes, by the kernel's own clock around each run, which
    is part of the figure. Programs of other tracers are left out."""

    def __init__(self, pids):
        self.ids = {int(info["prog_id"]) for info in descriptors(pids) if "prog_id" in info} if BPFTOOL else ()
        self.before, self.enabled = {}, ""

    def now(self):
        shown = json.loads(subprocess.check_output([BPFTOOL, "-j", "prog", "show"], text=True))
        return {one["id"]: (one.get("name", "?"), one.get("run_time_ns", 0), one.get("run_cnt", 0))
                for one in shown if one["id"] in self.ids}

    def __enter__(self):
        if self.ids:
            self.enabled = STATS.read_text(encoding="ascii")
            STATS.write_text("1", encoding="ascii")
            self.before = self.now()
        return self

    def __exit__(self, *_):
        if self.ids:
            STATS.write_text(self.enabled, encoding="ascii")

    def since(self):
        """{name: (ns, runs)} of those that ran."""
        total = {}
        for one, (name, ns, runs) in (self.now() if self.ids else {}).items():
            _, ns0, runs0 = self.before.get(one, (name, 0, 0))
            if runs > runs0:
                had = total.get(name, (0, 0))
                total[name] = (had[0] + ns - ns0, had[1] + runs - runs0)
        return total


def ns_per_run(tracer, window):
    """Of the program that runs most while `window` does its work; None: it has none."""
    with Programs(family(tracer.process.pid)) as programs:
        window()
        ns, runs = max(programs.since().values(), key=lambda one: one[1], default=(0, 0))
    return ns / runs if runs else None
