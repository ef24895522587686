# SPDX-License-Identifier: Apache-2.0
"""What the governor costs: an event that is kept with it and without, one that it leaves out, and one of
a process that nobody traces. And what it measures, beside what the kernel measures of the same runs."""
import os
import tempfile

import collector
import filtered
import table
import tracers

# 100 %: it never has to leave one out. 1 a second: it leaves out nearly all.
CASES = (
    ("another process", (), True),
    ("another process, --max-overhead", ("--max-overhead", "100%"), True),
    ("left out by -i", ("-i", "4000000000"), False),
    ("left out by the governor", ("--max-rate", "1"), False),
    ("every event kept", (), False),
    ("every event kept, --max-overhead", ("--max-overhead", "100%"), False),
)


# Of jtrace's programs those at events: what maps, begins and ends are watched by is not in the governor's figure.
EVENT_PROGRAMS = ("jt_event", "jt_call", "filter_only")


def event_run_ns(ran):
    """Of {name: (ns, runs)}: the mean run of an event's program; None: none ran."""
    ran = [one for name, one in ran.items() if name.startswith(EVENT_PROGRAMS)]
    runs = sum(runs for _, runs in ran)
    return sum(ns for ns, _ in ran) / runs if runs else None


def both_clocks(tracer, loop, pid, of_other):
    """A turn in which the kernel measures, too, which costs: ns of an event by the kernel, and by jtrace itself."""
    tracer.start(pid)
    # Nothing is opened before: both see the same runs.
    with collector.Programs(collector.family(tracer.process.pid)) as programs:
        loop.ns()
        ran = event_run_ns(programs.since())
    tracer.stop()
    return ran, program_ns(tracer, of_other) if measures_itself(tracer) else None


def measures_itself(tracer):
    return "--max-overhead" in tracer.name or "governor" in tracer.name


def run(args):
    jtrace = os.path.join(args.build, "jtrace")
    with tempfile.TemporaryDirectory() as directory:
        measured = [(tracers.FilterOnly(directory, os.path.join(args.build, "test/bench/filter_only")), True),
                    *((tracers.Jtrace(directory, jtrace, extra, name), of_other) for name, extra, of_other in CASES)]
        loop, other = filtered.Loop(args.build, args.calls), filtered.Loop(args.build, 1)
        untraced, added = [], {tracer.name: [] for tracer, _ in measured}
        inside = {tracer.name: [] for tracer, _ in measured}
        kernel, both = ({tracer.name: [] for tracer, _ in measured} for _ in range(2))
        before = loop.ns()
        for turn in range(args.rounds):
            for tracer, of_other in measured if turn % 2 == 0 else reversed(measured):
                pid = other.process.pid if of_other else loop.process.pid
                tracer.start(pid)
                loop.ns()  # until the ratio has settled
                on = loop.ns()
                tracer.stop()
                if measures_itself(tracer):
                    inside[tracer.name].append(program_ns(tracer, of_other))
                after = loop.ns()
                by_kernel, by_itself = both_clocks(tracer, loop, pid, of_other)
                if by_kernel:
                    kernel[tracer.name].append(by_kernel)
                    if by_itself:
                        both[tracer.name].append(by_itself / by_kernel)
                untraced.append(before)
                added[tracer.name].append(on - (before + after) / 2)
                before = after
    print("\nA process that opens and closes a file: ns of CPU time, median (min .. max)\n")
    table.head("", "added per open and close", "of that in the program, as it measures itself",
               "a run by the kernel's clock, in turns of their own", "itself to the kernel's, there")
    table.row("no tracer", table.spread(untraced), "", "", "")
    for tracer, _ in measured:
        ns = [one for one in inside[tracer.name] if one is not None]
        ratios = both[tracer.name]
        table.row(tracer.name, table.spread(added[tracer.name]), table.spread(ns) if ns else "",
                  table.spread(kernel[tracer.name]) if kernel[tracer.name] else "", table.spread(ratios, 2) if ratios else "")


def program_ns(tracer, of_other):
    """Of one event."""
    events = tracer.ledger("events of other processes" if of_other else "fired")
    line = "microseconds in BPF programs" + (", events of others" if of_other else "")
    return 1000 * tracer.ledger(line) / events if events else None
