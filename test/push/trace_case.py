# SPDX-License-Identifier: Apache-2.0
"""Real traces of real programs, whose profiles go to a receiver."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import push_case

EVENT = "syscalls:sys_enter_openat"
PATIENCE = 60


class Program:
    """What is started in a test: its lines are gathered, and it does not outlive the test."""

    def __init__(self, test, command, stream, **more):
        self.lines = []
        self.more = threading.Condition()
        self.over = False
        pipes = {"stdin": subprocess.PIPE, stream: subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, **pipes, **more)
        self.pid = self.process.pid
        self.stream = getattr(self.process, stream)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        test.addCleanup(self.end)

    def read(self):
        for line in self.stream:
            with self.more:
                self.lines.append(line.rstrip("\n"))
                self.more.notify_all()
        with self.more:
            self.over = True
            self.more.notify_all()

    def wait_for(self, pattern):
        """The first line that has it."""
        def found():
            return next((line for line in self.lines if re.search(pattern, line)), None)
        with self.more:
            self.more.wait_for(lambda: found() is not None or self.over, PATIENCE)
            assert found() is not None, f"no {pattern!r} in {self.lines}"
            return found()

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def wait(self):
        """Until it has ended and all it said is read; its status."""
        status = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return status

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join(PATIENCE)
        self.stream.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def said(self):
        return "\n".join(self.lines)


class TraceCase(unittest.TestCase):
    """A subclass has `jtrace` and `programs`, the folder of the programs that know the truth."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.spool = self.folder / "spool"
        self.spool.mkdir()

    def truth(self, name, *words):
        return Program(self, [self.programs / f"truth_{name}", *map(str, words)], "stdout")

    def steady(self, milliseconds, threads=1):
        """Opens files as fast as it can once it is told to, and says how many."""
        program = self.truth("steady", milliseconds, threads)
        program.wait_for("^ready$")
        return program

    def java(self, milliseconds):
        program = Program(self, ["java", "-Xmx64m", "-XX:+UseSerialGC", "-cp", self.programs / "classes",
                                 "truth.ShortLived", str(milliseconds), "ready", "300"], "stdout")
        program.wait_for("^ready$")
        return program

    def start(self, *words, room="--bind " + '"$0"', env=None):
        """jtrace, once it traces. The spool's folder is the machine's own: it gets one of the test,
        or, by `room`, one of another kind."""
        bind = ("unshare", "--mount", "sh", "-c",
                f'mkdir -p /var/spool && mount {room} /var/spool && exec "$@"', str(self.spool))
        tracer = Program(self, [*bind, self.jtrace, "-t", EVENT, "--max-overhead", "off", *words],
                         "stderr", env=push_case.environment(**(env or {})), cwd=self.folder)
        tracer.wait_for("^jtrace: tracing ")
        return tracer

    def stop(self, tracer):
        tracer.process.send_signal(signal.SIGTERM)
        status = tracer.wait()
        self.assertEqual(status, 0, tracer.said())


def opens(program, *names):
    """The sum of what it said of these."""
    found = [re.fullmatch(rf"{name} (\d+)", line) for line in program.lines for name in names]
    return sum(int(one[1]) for one in found if one)


def started(pid):
    """When, in seconds since the epoch: to a hundredth, as the kernel tells."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    ticks = int(stat.rsplit(")", 1)[1].split()[19])
    boot = time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME)
    return boot + ticks / os.sysconf("SC_CLK_TCK")
