# SPDX-License-Identifier: Apache-2.0
"""What a whole stack costs beside the kernel's own walk along frame pointers: a C program that is built with them and makes
its system calls itself, so that this walk is whole, and a JVM whose stacks are mixed; one stack each, by depth."""
import atexit
import contextlib
import os
import pathlib
import subprocess
import tempfile

import filtered
import jvm
import saturation
import table
import tracers

LIMIT = pathlib.Path("/proc/sys/kernel/perf_event_max_stack")
FRAMES = 512  # that the kernel may walk meanwhile: 400 calls and what is around them
JAVA_CALLS = ("PathLoop.left", "PathLoop.right")


@contextlib.contextmanager
def frames_allowed():
    """As many frames as a walk along frame pointers may have: raised while this lasts, where it can be."""
    before = LIMIT.read_text(encoding="ascii")
    try:
        LIMIT.write_text(str(max(FRAMES, int(before))), encoding="ascii")
    except OSError as error:
        print(f"kernel.perf_event_max_stack stays {before.strip()} ({error.strerror}): deeper walks are cut there")
    try:
        yield min(FRAMES, int(LIMIT.read_text(encoding="ascii")))
    finally:
        with contextlib.suppress(OSError):
            LIMIT.write_text(before, encoding="ascii")


class FpWalk(tracers.Tracer):
    """fp_walk: no more than the kernel's helper, or that and a count."""

    def __init__(self, directory, program, frames, mode, name):
        super().__init__(directory)
        self.program, self.frames, self.mode, self.name = program, frames, mode, name

    def start(self, pid):
        self.run([self.program, str(pid), str(self.frames), self.mode], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        tracers.wait_for(self.process.stderr, "tracing", self.name)

    def frames_and_events(self):
        """Of each stack; it says no number of events where none is counted."""
        lines = [[*map(int, line.split()), 1] for line in self.output.splitlines()]
        return [(line[0], line[1]) for line in lines]


class Native(filtered.Loop):
    """The C program."""

    def __init__(self, build, count, depth):
        self.process = subprocess.Popen([os.path.join(build, "test/bench/deep_loop"), str(count), str(depth)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(self.process.kill)
        self.pid = self.process.pid
        self.process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def window(self, _):
        return self.ns()


class Mixed(jvm.Loop):
    """The JVM, which stands still but for its windows."""

    def window(self, seconds):
        self.go()
        ns = self.ns_per_op(seconds)
        self.pause()
        return ns


def cases(args, directory, frames, native, mixed):
    """(program, its name, tracer)"""
    jtrace = os.path.join(args.build, "jtrace")
    fp_walk = os.path.join(args.build, "test/bench/fp_walk")
    of_c = [FpWalk(directory, fp_walk, frames, "walk", "the kernel's walk alone (bpf_get_stack)"),
            FpWalk(directory, fp_walk, frames, "count", "the kernel's walk, counted (bpf_get_stackid)"),
            tracers.Bpftrace(directory, frames),
            tracers.Jtrace(directory, jtrace, ("--cstack", "fp"), "jtrace --cstack fp"),
            tracers.Jtrace(directory, jtrace),
            tracers.Jtrace(directory, jtrace, ("--recall", "off"), "jtrace --recall off")]
    of_java = [tracers.Jtrace(directory, jtrace), tracers.Jtrace(directory, jtrace, ("--recall", "off"), "jtrace --recall off")]
    return [(native, "C", tracer) for tracer in of_c if tracer.installed] + [(mixed, "Java", tracer) for tracer in of_java]


def shape(name, tracer, depth):
    """Frames of the stacks of its last window, and the share of those with each call: of C down to main, of Java to the
    thread's entry."""
    if isinstance(tracer, FpWalk):
        counted = tracer.frames_and_events()
        whole = [(frames, events if frames >= depth + 3 else 0) for frames, events in counted]
    elif name == "C":
        stacks = [([frame.split("+")[0] for frame in stack], events) for stack, events in tracer.stacks()]
        counted = [(len(stack), events) for stack, events in stacks]
        whole = [(0, events) for stack, events in stacks if stack.count("deeper") == depth + 1 and "main" in stack]
    else:
        return saturation.judge(tracer.stacks(), depth, JAVA_CALLS)
    events = max(1, sum(events for _, events in counted))
    return (f"{sum(frames * events for frames, events in counted) / events:.1f}",
            f"{100 * sum(events for _, events in whole) / events:.2f} %")


def measure(args, directory, frames, depth):
    """{(program, tracer): (ns added, frames and whole)}, and the untraced ns of both."""
    found, untraced = {}, {"C": [], "Java": []}
    with Native(args.build, args.calls, depth) as native, Mixed(directory, "PathLoop", depth, 1, 1) as mixed:
        mixed.ns_per_op(args.warmup)
        mixed.pause()
        measured = cases(args, directory, frames, native, mixed)
        for turn in range(args.rounds):
            for program, name, tracer in measured if turn % 2 == 0 else reversed(measured):
                before = program.window(args.window)
                tracer.start(program.pid)
                on = program.window(args.window)
                tracer.stop()
                after = program.window(args.window)
                untraced[name].append(before)
                values, _ = found.setdefault((name, tracer.name), ([], None))
                values.append(on - (before + after) / 2)
                found[name, tracer.name] = (values, shape(name, tracer, depth))
    order = [(name, tracer.name) for _, name, tracer in measured]
    return {key: found[key] for key in order}, untraced


def run(args):
    if not tracers.Bpftrace.installed:
        print(f"{tracers.Bpftrace.name}: not installed, not measured")
    depths = list(map(int, args.depth.split(",")))
    with tempfile.TemporaryDirectory() as directory, frames_allowed() as frames:
        jvm.compile_java([jvm.HERE / "PathLoop.java"], directory)
        results = [measure(args, directory, frames, depth) for depth in depths]
    print(f"\nns added to an open and close, by calls below main; up to {frames} frames by frame pointers: median (min .. max)\n")
    table.head("program", "tracer", *depths)
    for name in ("C", "Java"):
        table.row(name, "none", *(table.spread(untraced[name]) for _, untraced in results))
    for name, tracer in results[0][0]:
        table.row(name, tracer, *(table.spread(found[name, tracer][0]) for found, _ in results))
    print("\nFrames of a stack; stacks with each call, down to the entry\n")
    table.head("program", "tracer", *depths)
    for name, tracer in results[0][0]:
        table.row(name, tracer, *("; ".join(found[name, tracer][1]) for found, _ in results))
