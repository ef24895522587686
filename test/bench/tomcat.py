# SPDX-License-Identifier: Apache-2.0
"""A Tomcat whose servlet opens a file at each request, under wrk: what a tracer of these opens changes."""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import collector
import jvm
import saturation
import table
import tracers

CONNECTIONS = 8
PERCENTILES = ("50%", "90%", "99%")
UNITS = {"us": 1e-3, "ms": 1, "s": 1e3}


def fetched():
    """The folder of Tomcat and wrk; fetched where it is not there."""
    script = jvm.HERE.parents[1] / "scripts/fetch_tomcat"
    done = subprocess.run([script], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit("bench: no Tomcat and no wrk: what scripts/fetch_tomcat said")
    version, wrk, folder = done.stdout.split()
    return f"Tomcat {version}, wrk {wrk}", pathlib.Path(folder)


class Server:
    def __init__(self, directory, jars):
        self.process = subprocess.Popen(
            [jvm.java_tool("java"), "-Xmx256m", "-cp", f"{directory}:{jars}", "TomcatServer", directory],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)
        self.pid = self.process.pid
        line = self.process.stdout.readline()
        if not line.strip().isdigit():
            sys.exit("bench: Tomcat did not start")
        self.port = int(line)

    def opened(self):
        """Files, by its own count."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def load(args, server, folder):
    """A window: requests a second, CPU microseconds of the JVM a request, latencies in ms."""
    libraries = folder / "usr/lib/x86_64-linux-gnu"
    cpu = collector.cpu_seconds([server.pid])
    text = subprocess.check_output(
        [folder / "usr/bin/wrk", "-t1", f"-c{CONNECTIONS}", f"-d{args.load:g}s", "--latency", f"http://127.0.0.1:{server.port}/"],
        env=os.environ | {"LD_LIBRARY_PATH": str(libraries)}, text=True)
    cpu = collector.cpu_seconds([server.pid]) - cpu
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"bench: Tomcat did not answer as it should: {text}")
    done = int(re.search(r"(\d+) requests in", text)[1])
    found = {"rate": float(re.search(r"Requests/sec:\s*([\d.]+)", text)[1]), "cpu": 1e6 * cpu / max(1, done)}
    for percent in PERCENTILES:
        value, unit = re.search(rf"^\s*{percent}\s+([\d.]+)(us|ms|s)", text, re.M).groups()
        found[percent] = float(value) * UNITS[unit]
    return found


def traced(args, server, folder, tracer):
    """The same with a tracer, and of its stacks: events, whole ones, files that were opened."""
    tracer.start(server.pid)
    before = server.opened()
    found = load(args, server, folder)
    opened = server.opened()
    # Requests are still under way.
    while (now := server.opened()) != opened:
        opened = now
    opened -= before
    tracer.stop()
    if tracer.has_stacks:
        seen = saturation.Verdict(tracer.stacks(), 0, ("OpenServlet.doGet",), tracer.entries)
        events = tracer.counted()
        found |= {"opened": opened, "events": seen.events if events is None else events,
                  "whole": 100 * seen.whole / max(1, seen.events)}
    return found


def middle(windows, key, digits=0):
    return table.spread([one[key] for one in windows], digits)


def show(untraced, found, ratios):
    table.head("tracer", "requests/s: median (min .. max)", "to no tracer", "JVM, CPU µs a request",
               *(f"latency, {percent}, ms" for percent in PERCENTILES), "opens", "events", "complete stacks")
    rows = {"no tracer": untraced, **found}
    for name, windows in rows.items():
        stacks = "opened" in windows[0]
        table.row(name, middle(windows, "rate"), table.spread(ratios[name], 3) if name in ratios else "",
                  middle(windows, "cpu", 1), *(middle(windows, percent, 2) for percent in PERCENTILES),
                  *((sum(one["opened"] for one in windows), sum(one["events"] for one in windows),
                     f"{statistics.mean(one['whole'] for one in windows):.2f} %") if stacks else ("", "", "")))


def run(args):
    versions, folder = fetched()
    jars = f"{folder}/usr/share/java/*"
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "TomcatServer.java"], directory, jars)
        measured = [tracer for tracer in tracers.all_tracers(args.build, directory, async_profiler=args.async_profiler)
                    if tracer.name != "jtrace --cstack fp"]
        untraced = []
        found, ratios = ({tracer.name: [] for tracer in measured} for _ in range(2))
        with Server(directory, jars) as server:
            for _ in range(1 + int(3 * args.warmup / args.load)):  # until it is compiled
                before = load(args, server, folder)
            for turn in range(args.rounds):
                for tracer in measured if turn % 2 == 0 else reversed(measured):
                    on = traced(args, server, folder, tracer)
                    after = load(args, server, folder)
                    found[tracer.name].append(on)
                    ratios[tracer.name].append(2 * on["rate"] / (before["rate"] + after["rate"]))
                    untraced.append(before)
                    before = after
    print(f"\n{versions}, {CONNECTIONS} connections, each request opens a file: windows of {args.load:g} s\n")
    show(untraced, found, ratios)
