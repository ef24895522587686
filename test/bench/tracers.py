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
    entries = ("clone3", "__clone3", "__GI___clone3", "__clone")  # of a thread: where a stack ends

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

    def counted(self):
        """Events; None: the stacks tell."""
        return None


class Jtrace(Tracer):
    def __init__(self, directory, program, extra=(), name="jtrace", event=EVENT):
        super().__init__(directory)
        self.program, self.extra, self.name, self.event = program, extra, name, event

    def start(self, pid):
        self.run([self.program, "-t", self.event, "-p", str(pid), "-f", self.out + ".collapsed",
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

    def __init__(self, directory, frames=127):
        super().__init__(directory)
        self.frames = frames

    @staticmethod
    def summed(pairs):
        """Stacks of other addresses with the same names are keys that come twice."""
        found = {}
        for key, value in pairs:
            found[key] = found.get(key, 0) + value if isinstance(value, int) else value
        return found

    def start(self, pid):
        # BEGIN comes before the attaching, the first interval after it.
        self.run(["bpftrace", "-f", "json", "-e",
                  f"tracepoint:{EVENT} /pid == {pid}/ {{ @[ustack({self.frames})] = count(); }} "
                  'interval:ms:200 { printf("ready\\n"); }'],
                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        wait_for(self.process.stdout, "ready", self.name)

    def stacks(self):
        for line in self.output.splitlines():
            found = json.loads(line, object_pairs_hook=self.summed) if line.startswith("{") else {}
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

    def stats(self):
        return subprocess.run(["perf", "report", "--stats", "-i", self.out + ".perf"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout

    def counted(self):
        events = sum(map(int, re.findall(r"^\s*SAMPLE events:\s*(\d+)", self.stats(), re.M)[:1]))
        if events == 0:
            print(f"{self.name}: no events; where another tracer has a BPF program on the same tracepoint that "
                  "returns 0, the kernel gives perf none")
        return events

    def stacks(self):
        for line in self.stats().splitlines():
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


class AsyncProfiler(Tracer):
    """Every event (an interval of 1); it runs in the JVM, so that it has no process to look at. Frames
    below Thread.run are left out by it."""
    name = "async-profiler"
    entries = Tracer.entries + ("java/lang/Thread.run", "java/lang/Thread.run_[j]")

    def __init__(self, directory, program):
        super().__init__(directory)
        self.program, self.pid = program, None

    def ask(self, action, *options):
        done = subprocess.run([self.program, action, *options, str(self.pid)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: async-profiler: {action}: {done.stdout.strip()}")

    def start(self, pid):
        self.pid = pid
        self.ask("start", "-e", EVENT, "-i", "1")

    def stop(self):
        self.ask("stop", "-o", "collapsed", "-f", self.out + ".async")

    def stacks(self):
        for line in pathlib.Path(self.out + ".async").read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            yield stack.split(";")[::-1], int(count)


def async_profiler_at(path):
    """asprof, given itself or the folder of a release; one line where it is not."""
    for program in (os.path.join(path, "bin", "asprof"), os.path.join(path, "asprof"), path):
        if os.path.isfile(program) and os.access(program, os.X_OK):
            return program
    sys.exit(f"bench: --async-profiler {path}: no program asprof there: name it, or the folder of a release")


def all_tracers(build, directory, against="", async_profiler=""):
    """Those that are here; one that is missing is named, not left out in silence."""
    jtrace = os.path.join(build, "jtrace")
    tracers = [FilterOnly(directory, os.path.join(build, "test/bench/filter_only")),
               Jtrace(directory, jtrace),
               *([Jtrace(directory, against, name="jtrace, the other")] if against else []),
               Jtrace(directory, jtrace, ("--recall", "off"), "jtrace --recall off"),
               Jtrace(directory, jtrace, ("--cstack", "fp"), "jtrace --cstack fp"),
               Bpftrace(directory), Perf(directory),
               *([AsyncProfiler(directory, async_profiler_at(async_profiler))] if async_profiler else [])]
    for tracer in tracers:
        if not tracer.installed:
            print(f"{tracer.name}: not installed, not measured")
    return [tracer for tracer in tracers if tracer.installed]
