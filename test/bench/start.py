# SPDX-License-Identifier: Apache-2.0
"""From the command to the first event, on a JVM with thousands of compiled methods."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import jvm
import table

CACHE = pathlib.Path("/var/cache/jtrace")  # a tmpfs of our own: `run` mounts it
PER_CLASS = 250
CALLS = 3000  # beyond the 200 of the first compiler


def write_methods(directory, methods):
    """Classes of PER_CLASS static methods, and one that calls them all; returns the sources."""
    sources = []
    for first in range(0, methods, PER_CLASS):
        numbers = range(first, min(methods, first + PER_CLASS))
        path = pathlib.Path(directory) / f"M{first // PER_CLASS}.java"
        bodies = "".join(
            f"  static int m{n}(int x) {{ int s = {n}; for (int i = 0; i < (x & 7); i++)"
            f" s = s * 31 + (i ^ {n * 7}); return s; }}\n" for n in numbers)
        calls = "".join(f"    s += m{n}(x);\n" for n in numbers)
        path.write_text(f"public final class {path.stem} {{\n{bodies}"
                        f"  public static int all(int x) {{\n    int s = 0;\n{calls}"
                        "    return s;\n  }\n}\n")
        sources.append(path)
    return sources


def compiled(pid):
    text = subprocess.check_output([jvm.java_tool("jcmd"), str(pid), "Compiler.codecache"], text=True)
    return sum(map(int, re.findall(r"nmethods=(\d+)", text)[:1]))


def settled(pid):
    """Of a JVM whose compilers lag behind: once no more come."""
    methods, before = compiled(pid), -1
    while methods != before:
        time.sleep(1)
        before, methods = methods, compiled(pid)
    return methods


class Program:
    def __init__(self, directory, methods):
        classes = -(-methods // PER_CLASS)
        self.process = subprocess.Popen(
            [jvm.java_tool("java"), "-cp", directory, "ManyMethods", str(classes), str(CALLS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self.process.pid
        if self.process.stdout.readline() != "called\n":
            sys.exit("ManyMethods did not run")
        self.methods = settled(self.pid)

    def tell(self, word):
        self.process.stdin.write(word)
        self.process.stdin.flush()


def one(args, program, out):
    """Seconds from the spawn to the line `jtrace: tracing` and to the first event that was counted,
    and CPU seconds of jtrace, its ending included."""
    program.tell("o")
    time.sleep(0.05)
    spawned = time.monotonic_ns()
    tracer = subprocess.Popen([os.path.join(args.build, "jtrace"), "-t", "syscalls:sys_enter_openat",
                               "-p", str(program.pid), "-f", out], stderr=subprocess.PIPE, text=True)
    for line in tracer.stderr:
        if line.startswith("jtrace: tracing"):
            break
    tracing = time.monotonic_ns()
    time.sleep(0.1)
    # The opens end before the trace: those counted are the last ones, so the first counted is known.
    program.tell("s")
    opens = list(map(int, program.process.stdout.readline().split()))
    tracer.send_signal(signal.SIGINT)
    tracer.stderr.read()
    _, tracer.returncode, used = os.wait4(tracer.pid, 0)
    counted = sum(int(line.rpartition(" ")[2]) for line in pathlib.Path(out).read_text().splitlines()
                  if "ManyMethods.openOne" in line)
    if not 0 < counted <= len(opens):
        sys.exit(f"{counted} events of {len(opens)} opens were counted")
    return ((tracing - spawned) / 1e9, (opens[-counted] - spawned) / 1e9,
            used.ru_utime + used.ru_stime)


def clear_cache():
    for file in CACHE.iterdir():
        file.unlink()


def run(args):
    with tempfile.TemporaryDirectory() as directory:
        sources = write_methods(directory, args.methods)
        jvm.compile_java([jvm.HERE / "ManyMethods.java", *sources], directory)
        program = Program(directory, args.methods)
        out = os.path.join(directory, "o.collapsed")
        times = {"not cached": [], "cached": []}
        try:
            for _ in range(args.rounds):
                clear_cache()
                times["not cached"].append(one(args, program, out))
                times["cached"].append(one(args, program, out))
        finally:
            program.process.kill()
            program.process.wait()
    print(f"\nStart on a JVM with {program.methods} compiled methods, ms from the spawn: "
          "median (min .. max)\n")
    table.head("unwind tables", "to `jtrace: tracing`", "to the first counted event", "CPU time, the end included")
    for name, values in times.items():
        table.row(name, *(table.spread([1000 * v for v in column]) for column in zip(*values)))
