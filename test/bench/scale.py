# SPDX-License-Identifier: Apache-2.0
"""ns that an event costs against what there can be many of: a picture and a table for each."""
import contextlib
import os
import pathlib
import statistics
import sys
import tempfile

import collector
import dimensions
import jvm
import plot
import processes
import saturation
import start
import table
import tracers

TURN = 10  # opens of a thread before another one's
NATIVE_DEPTH = 30
COLOURS = (plot.GREY, plot.BLUE, plot.VIOLET)
# What the JVM that is measured calls again and again; other system calls stay quiet.
BUSY = ("openat", "close", "newfstat", "newfstatat", "fstat", "read", "write", "futex", "mmap", "munmap", "mprotect",
        "clock_nanosleep", "clock_gettime", "sched_yield", "madvise", "lseek", "gettid", "getrusage", "rt_sigreturn")


def usual(args, directory):
    """Filter only; jtrace; jtrace that walks each event."""
    jtrace = os.path.join(args.build, "jtrace")
    return [tracers.FilterOnly(directory, os.path.join(args.build, "test/bench/filter_only")),
            tracers.Jtrace(directory, jtrace),
            tracers.Jtrace(directory, jtrace, ("--recall", "off"), "jtrace --recall off")]


class Axis:
    """What is many, values of it, and how a program and its tracers are had for one value."""
    title = ""
    values = ()
    least = 1  # where the logarithmic axis begins; 0 is drawn there

    def __init__(self, args, directory):
        self.args, self.directory = args, directory

    def program(self, value):
        return dimensions.program(self.directory, dimensions.BASE | self.place(value))

    def place(self, value):
        raise NotImplementedError

    def measured(self, _):
        return usual(self.args, self.directory)

    def close(self):
        pass


class Depth(Axis):
    title, values = "calls below main", (5, 30, 100, 400, 1000, 1500)

    def place(self, value):
        return {"depth": value}


class Stacks(Axis):
    title, values = "different stacks, one after the other", (1, 4, 16, 100, 1000, 10_000)

    def place(self, value):
        return {"stacks": value}


class Threads(Axis):
    title, values = f"threads that open in turn, {TURN} times each", (1, 10, 100, 1000)

    def program(self, value):
        return dimensions.program(self.directory, dimensions.BASE | {"threads": value}, turn=TURN)


class Among(tracers.Jtrace):
    """Traces others as well."""

    def __init__(self, like, others):
        super().__init__(os.path.dirname(like.out), like.program, like.extra, like.name)
        self.others = others

    def start(self, pid):
        super().start(",".join(map(str, [pid, *self.others])))


class Processes(Axis):
    title, values = "JVMs that are traced, of which one opens", (1, 4, 16, 64)

    def __init__(self, args, directory):
        super().__init__(args, directory)
        self.others = processes.Others(directory)

    def program(self, value):
        self.others.grow(value - 1)
        return dimensions.program(self.directory, dimensions.BASE)

    def measured(self, _):
        first, *rest = usual(self.args, self.directory)
        return [first, *(Among(tracer, [loop.pid for loop in self.others.loops]) for tracer in rest)]

    def close(self):
        self.others.close()


class Mappings(Axis):
    title, values, least = f"mappings of code more, in a native program, {NATIVE_DEPTH} calls", (0, 100, 1000, 4000), 10

    def program(self, value):
        return jvm.Printing(os.path.join(self.args.build, "test/bench/map_loop"), value, NATIVE_DEPTH)


class Methods(Axis):
    title, values, least = "compiled methods more", (0, 1000, 10_000, 50_000), 100
    CALLS = 400  # beyond the 200 of the first compiler

    def __init__(self, args, directory):
        super().__init__(args, directory)
        most = max(chosen(args, self))
        jvm.compile_java(start.write_methods(directory, most), directory)

    def program(self, value):
        classes = -(-value // start.PER_CLASS)
        found = dimensions.program(self.directory, dimensions.BASE | {"tier": "C1"}, classes=classes,
                                   calls=self.CALLS)
        found.line_at(0)  # all were called
        print(f"{value} methods more: the JVM says {start.settled(found.pid)} compiled methods")
        return found


class Events(Axis):
    title, values = "events attached, of which one fires", (1, 10, 100)

    def program(self, _):
        return dimensions.program(self.directory, dimensions.BASE)

    def measured(self, value):
        events = quiet_events(value - 1)
        first, *rest = usual(self.args, self.directory)
        for tracer in rest:
            tracer.event = ",".join([tracers.EVENT, *events])
        return [first, *rest]


AXES = {"depth": Depth, "stacks": Stacks, "threads": Threads, "processes": Processes, "mappings": Mappings,
        "methods": Methods, "events": Events}


def quiet_events(number):
    names = sorted(name for name in os.listdir("/sys/kernel/tracing/events/syscalls")
                   if name.startswith("sys_enter_") and name.removeprefix("sys_enter_") not in BUSY)
    if len(names) < number:
        sys.exit(f"bench: {len(names)} events of system calls, {number} are wanted: --only fewer")
    return [f"syscalls:{name}" for name in names[:number]]


def chosen(args, axis):
    wanted = args.only.split(",") if args.only else []
    return [value for value in axis.values if not wanted or str(value) in wanted]


def measure(args, axis):
    """{value: (untraced, {tracer: ns added}, {tracer: ns of a run of its program})}"""
    found = {}
    for value in chosen(args, axis):
        with axis.program(value) as loop:
            loop.ns_per_op(args.warmup)
            measured = axis.measured(value)
            found[value] = (*saturation.rounds(args, loop.ns_per_op, loop, measured), {})
            for tracer in measured:
                tracer.start(loop.pid)
                found[value][2][tracer.name] = collector.ns_per_run(tracer, lambda: loop.ns_per_op(args.window))
                tracer.stop()
                if tracer.has_stacks:
                    check(tracer, value)
    return found


def check(tracer, value):
    """Of the last window: that it counted, and stacks that were whole."""
    kept, complete = tracer.ledger("kept"), tracer.ledger("complete")
    if kept == 0:
        sys.exit(f"bench: {tracer.name} counted nothing at {value}")
    if complete < kept:
        print(f"{tracer.name} at {value}: {100 * complete / kept:.3f} % of the stacks are complete")


def show(axis, found):
    names = list(next(iter(found.values()))[1])
    print(f"\nns added per event: median (min .. max), of a run of the BPF program by the kernel's clock; {axis.title}\n")
    table.head(axis.title, "untraced, ns", *(word for name in names for word in (name, "in its program")))
    for value, (untraced, added, inside) in found.items():
        table.row(f"{value:,}", table.spread(untraced), *(
            word for name in names for word in (table.spread(added[name]), f"{inside[name]:.0f}" if inside[name] else "-")))


def draw(name, axis, found, path):
    names = list(next(iter(found.values()))[1])
    top = max(statistics.median(values) for _, added, _ in found.values() for values in added.values())
    low = max(axis.least, min(found))
    across = plot.Axis(low * 0.8, max(max(found), low) * 1.25, [(max(value, low), f"{value:,}") for value in found], True)
    panel = plot.Panel(0, f"ns added to an event; {axis.title}", plot.linear(max(100, 1.25 * top), most=6), across, 220)
    panel.legend(list(zip(names, COLOURS)))
    for number, (tracer, colour) in enumerate(zip(names, COLOURS)):
        points = [(max(value, low), statistics.median(added[tracer])) for value, (_, added, _) in found.items()]
        panel.line(points, colour)
        for (at, median), (_, added, _) in zip(points, found.values()):
            panel.dot(at, median, colour)
            panel.spread(at, min(added[tracer]), max(added[tracer]), colour, 2 * (number - 1))
            if number > 0:  # those of a filter lie on the axis
                panel.label(at, median, f"{median:,.0f}", colour)
    plot.save(path, [panel], f"test/bench/run scale, axis {name}")


def run(args):
    names = args.axis.split(",") if args.axis else list(AXES)
    for name in names:
        if name not in AXES:
            sys.exit(f"bench: --axis {name}: scale has {', '.join(AXES)}")
    with tempfile.TemporaryDirectory() as directory:
        jvm.compile_java([jvm.HERE / "PathLoop.java", jvm.HERE / "OpenLoop.java"], directory)
        for name in names:
            with contextlib.closing(AXES[name](args, directory)) as axis:
                found = measure(args, axis)
            show(axis, found)
            draw(name, axis, found, pathlib.Path(args.out) / f"scale-{name}.svg")
