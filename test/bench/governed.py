# SPDX-License-Identifier: Apache-2.0
"""What the governor costs: an event that is kept with it and without, one that it leaves out, and one of
a process that nobody traces."""
import os
import tempfile

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


def run(args):
    jtrace = os.path.join(args.build, "jtrace")
    with tempfile.TemporaryDirectory() as directory:
        measured = [(tracers.Jtrace(directory, jtrace, extra, name), of_other)
                    for name, extra, of_other in CASES]
        loop, other = filtered.Loop(args.build, args.calls), filtered.Loop(args.build, 1)
        untraced, added = [], {tracer.name: [] for tracer, _ in measured}
        inside = {tracer.name: [] for tracer, _ in measured}
        before = loop.ns()
        for turn in range(args.rounds):
            for tracer, of_other in measured if turn % 2 == 0 else reversed(measured):
                tracer.start(other.process.pid if of_other else loop.process.pid)
                loop.ns()  # until the ratio has settled
                on = loop.ns()
                tracer.stop()
                if "--max-overhead" in tracer.name or "governor" in tracer.name:
                    inside[tracer.name].append(program_ns(tracer, of_other))
                after = loop.ns()
                untraced.append(before)
                added[tracer.name].append(on - (before + after) / 2)
                before = after
    print("\nA process that opens and closes a file: ns of CPU time, median (min .. max)\n")
    table.head("", "added per open and close", "of that in the program, as it measures itself")
    table.row("no tracer", table.spread(untraced), "")
    for tracer, _ in measured:
        ns = [one for one in inside[tracer.name] if one is not None]
        table.row(tracer.name, table.spread(added[tracer.name]), table.spread(ns) if ns else "")


def program_ns(tracer, of_other):
    """Of one event."""
    events = tracer.ledger("events of other processes" if of_other else "fired")
    line = "microseconds in BPF programs" + (", events of others" if of_other else "")
    return 1000 * tracer.ledger(line) / events if events else None
