# SPDX-License-Identifier: Apache-2.0
"""Programs in a JVM that the benchmarks trace."""
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


def java_tool(name):
    home = os.environ.get("JAVA_HOME")
    return os.path.join(home, "bin", name) if home else name


def compile_java(sources, directory, classpath="."):
    subprocess.run([java_tool("javac"), "-nowarn", "-cp", classpath, "-d", directory, *map(str, sources)], check=True)


class Printing:
    """A program that prints lines of "ops wall-ns cpu-ns", as OpenLoop does."""

    def __init__(self, *command):
        self.process = subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def line_at(self, wanted):
        """Reads lines until the clock in them is `wanted` ns or later: (ops, wall, cpu)."""
        while True:
            text = self.process.stdout.readline()
            if not text:
                sys.exit(f"bench: {self.process.args[0]} ended before its time")
            line = tuple(map(int, text.split()))
            if line[1] >= wanted:
                return line

    def quiet_ns_per_op(self, seconds):
        """As ns_per_op(), of the quietest quarter of its tenths of a second: on a virtual machine the same
        work takes some percent longer whenever a neighbour has something to do."""
        last = self.line_at(time.monotonic_ns() + 100_000_000)
        values = []
        for _ in range(max(4, int(seconds * 10))):
            line = self.line_at(last[1])
            if line[0] > last[0]:
                values.append((line[2] - last[2]) / (line[0] - last[0]))
            last = line
        return sorted(values)[len(values) // 4]

    def ns_per_op(self, seconds):
        """The JVM's CPU time per operation: what else runs on the machine hardly changes it."""
        ops0, wall0, cpu0 = self.line_at(time.monotonic_ns() + 100_000_000)
        ops1, wall1, cpu1 = self.line_at(wall0 + int(seconds * 1e9))
        # The machine may have stood still, and who counts the CPU time with it.
        while (ops1 == ops0 or cpu1 == cpu0) and wall1 < wall0 + 10_000_000_000:
            ops1, wall1, cpu1 = self.line_at(wall1 + 1)
        return (cpu1 - cpu0) / max(1, ops1 - ops0)


class Loop(Printing):
    """Such a program in a JVM."""

    def __init__(self, directory, program, *words, flags=()):
        super().__init__(java_tool("java"), *flags, "-cp", directory, program, *words)

    def tell(self, word):
        self.process.stdin.write(word)
        self.process.stdin.flush()

    def pause(self):
        """Only PathLoop: it opens nothing until go(); returns what it had done, exactly."""
        self.tell("p")
        last, line = -1, self.line_at(time.monotonic_ns() + 100_000_000)
        while line[0] != last:
            last, line = line[0], self.line_at(line[1] + 1)
        return last

    def go(self):
        self.tell("g")
