# SPDX-License-Identifier: Apache-2.0
"""Tracers of a process's openat: each starts on a process, is ready, stops, and hands out its stacks
as (frames from the leaf to the root, count)."""
import atexit
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

EVENT = "syscalls:sys_enter_openat"
JUDGED = 5000  # samples of perf that are looked at; it writes each event apart


def wait_for(stream, wanted, who):
    seen = []
    for line in stream:
        if wanted in line:
            return
        seen.append(line)
    sys.exit(f"{who} did not start: {''.join(seen).strip()}")


class Tracer:
    name = ""
    has_stacks = True
    installed = True

    def __init__(self, directory):
        self.out = os.path.join(directory, "trace")
        self.process = None
        self.output = ""
        self.pipes = ()

    def run(self, command, **more):
        self.process = subprocess.Popen(command, text=True, **more)
        atexit.register(self.process.kill)  # nothing where it was stopped

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.output = self.process.communicate()[0] or ""
        for end in self.pipes:
            os.close(end)
        self.pipes = ()

    def stacks(self):
        return []


class Jtrace(Tracer):
    def __init__(self, directory, program, extra=(), name="jtrace"):
        super().__init__(directory)
        self.program, self.extra, self.name = program, extra, name

    def start(self, pid):
        self.run([self.program, "-t", EVENT, "-p", str(pid), "-f", self.out + ".collapsed",
                  "-f", self.out + ".txt", *self.extra], stderr=subprocess.PIPE)
        wait_for(self.process.stderr, "jtrace: tracing", self.name)

    def ledger(self, name):
        text = pathlib.Path(self.out + ".txt").read_text()
        found = re.search(rf"^\s*{re.escape(name)}\s+([\d,]+)$", text, re.M)
        return int(found.group(1).replace(",", "")) if found else 0

    def stacks(self):
        for line in pathlib.Path(self.out + ".collapsed").read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            yield stack.split(";")[::-1], int(count)


class JtraceByName(Jtrace):
    """Looks at every process for one that never comes."""
    has_stacks = False

    def start(self, pid):
        self.run([self.program, "-t", EVENT, "--comm", "no-such-name", "-f", self.out + ".txt"],
                 stderr=subprocess.PIPE)
        wait_for(self.process.stderr, "jtrace: tracing", self.name)


class FilterOnly(Tracer):
    name = "filter only"
    has_stacks = False

    def __init__(self, directory, program):
        super().__init__(directory)
        self.program = program

    def start(self, pid):
        self.run([self.program, str(pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(self.process.stderr, "tracing", self.name)


class Bpftrace(Tracer):
    name = "bpftrace, ustack"
    installed = shutil.which("bpftrace") is not None

    def start(self, pid):
        # BEGIN comes before the attaching, the first interval after it.
        self.run(["bpftrace", "-f", "json", "-e",
                  f"tracepoint:{EVENT} /pid == {pid}/ {{ @[ustack] = count(); }} "
                  'interval:ms:200 { printf("ready\\n"); }'],
                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        wait_for(self.process.stdout, "ready", self.name)

    def stacks(self):
        for line in self.output.splitlines():
            found = json.loads(line) if line.startswith("{") else {}
            if found.get("type") == "map":
                for stack, count in found["data"].get("@", {}).items():
                    yield [f.strip() for f in stack.split("\n") if f.strip()], count


class Perf(Tracer):
    name = "perf record -g"
    installed = shutil.which("perf") is not None

    def start(self, pid):
        # Disabled until told: perf says nothing of its own when it is attached. It ends when the
        # pipes close.
        control, tell = os.pipe()
        hear, ack = os.pipe()
        self.run(["perf", "record", "-e", EVENT, "-g", "--user-callchains", "-p", str(pid),
                  "-o", self.out + ".perf", "-D", "-1", "--control", f"fd:{control},{ack}"],
                 pass_fds=(control, ack), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(control)
        os.close(ack)
        os.write(tell, b"enable\n")
        if not os.read(hear, 16).startswith(b"ack"):
            sys.exit("perf did not start")
        self.pipes = (tell, hear)

    def stacks(self):
        stats = subprocess.run(["perf", "report", "--stats", "-i", self.out + ".perf"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        for line in stats.splitlines():
            if "LOST" in line:
                print(f"{self.name}: {line.strip()}")
        script = subprocess.Popen(["perf", "script", "-i", self.out + ".perf", "-F", "ip,sym",
                                   "--no-inline"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        frames, judged = [], 0
        for line in script.stdout:
            if line.strip():
                frames.append(line.split(None, 1)[-1].strip())
            elif frames:
                yield frames, 1
                frames, judged = [], judged + 1
                if judged >= JUDGED:
                    break
        script.kill()
        script.wait()


def all_tracers(build, directory, against=""):
    """Those that are here; one that is missing is named, not left out in silence."""
    jtrace = os.path.join(build, "jtrace")
    tracers = [FilterOnly(directory, os.path.join(build, "test/bench/filter_only")),
               Jtrace(directory, jtrace),
               *([Jtrace(directory, against, name="jtrace, the other")] if against else []),
               Jtrace(directory, jtrace, ("--recall", "off"), "jtrace --recall off"),
               Jtrace(directory, jtrace, ("--cstack", "fp"), "jtrace --cstack fp"),
               Bpftrace(directory), Perf(directory)]
    for tracer in tracers:
        if not tracer.installed:
            print(f"{tracer.name}: not installed, not measured")
    return [tracer for tracer in tracers if tracer.installed]
