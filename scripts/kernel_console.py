#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads what kernel_checks printed on the consoles of scripts/kernel_matrix.

kernel_console.py judge NAME LOG                       what passed; exit status 1 where not all did
kernel_console.py tables [--record] [--all] NAME=LOG...  markdown tables of several kernels

  --record  writes the verified instructions into test/kernel/verified.txt
  --all     these are all kernels there are: each feature must be present on one, absent on another
"""

import re
import sys
from pathlib import Path

VERIFIED = Path(__file__).resolve().parent.parent / "test/kernel/verified.txt"
TAIL = 100  # lines of a console that did not pass
SPARE = 1.2  # a new program's budget, to its largest count
NONE = "-"


class Console:
    """The lines of one boot that mean something."""

    def __init__(self, text):
        self.text = text
        self.kernel = self.only(r"KERNEL (\S+)")
        plan = self.only(r"PLAN ([1-9]\d*)")
        self.plan = int(plan) if plan else None
        self.exit = self.only(r"EXIT (\d+)")
        self.passed = re.findall(r"^PASS (.*)$", text, re.M)
        self.failed = re.findall(r"^FAIL (.*)$", text, re.M)
        self.features = dict(re.findall(r"^FEATURE (\w+) (present|fallback)$", text, re.M))
        self.verified = {program: int(count) for program, count in
                         re.findall(r"^VERIFIED (\w+) (\d+)$", text, re.M)}

    def only(self, pattern):
        found = re.search(f"^{pattern}$", self.text, re.M)
        return found.group(1) if found else None


class Verified:
    """test/kernel/verified.txt: program -> budget, and its instructions on each kernel."""

    def __init__(self, text):
        lines = text.splitlines()
        self.comment = [line for line in lines if line.startswith("#")]
        rows = [line.split() for line in lines if line and not line.startswith("#")]
        self.kernels = rows[0][2:]
        self.budgets = {row[0]: int(row[1]) for row in rows[1:]}
        self.counts = {row[0]: dict(zip(self.kernels, row[2:])) for row in rows[1:]}

    def put(self, kernel, verified):
        if kernel not in self.kernels:
            self.kernels.append(kernel)
        for program, count in verified.items():
            budget = (int(count * SPARE) // 100 + 1) * 100
            self.budgets.setdefault(program, budget)
            self.counts.setdefault(program, {})[kernel] = str(count) if count else NONE

    def text(self):
        rows = [["program", "budget", *self.kernels]]
        for program in sorted(self.budgets):
            counts = [self.counts[program].get(kernel, NONE) for kernel in self.kernels]
            rows.append([program, str(self.budgets[program]), *counts])
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join([*self.comment, *lines]) + "\n"


def faults(console, budgets):
    """Why this kernel did not pass; empty where it did."""
    found = []
    if console.plan is None:
        found.append("no plan")
    elif len(console.passed) != console.plan:
        found.append(f"{len(console.passed)} checks of {console.plan} passed")
    if console.failed:
        found.append(f"{len(console.failed)} checks failed")
    if console.exit != "0":
        found.append(f"exit status {console.exit}" if console.exit else "no end")
    for program, count in sorted(console.verified.items()):
        if program not in budgets:
            found.append(f"{program} has no budget: scripts/kernel_matrix --record")
        elif count > budgets[program]:
            found.append(f"{program}: {count} instructions verified, budget {budgets[program]}")
    return found


def table(header, rows):
    yield "| " + " | ".join(header) + " |"
    yield "| " + " | ".join(["---"] * len(header)) + " |"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def feature_table(consoles):
    names = list(dict.fromkeys(name for c in consoles.values() for name in c.features))
    kernels = [f"{name} ({c.kernel})" for name, c in consoles.items()]
    rows = [[name, *(c.features.get(name, NONE) for c in consoles.values())] for name in names]
    return table(["feature", *kernels], rows)


def verified_table(consoles, budgets):
    programs = sorted({program for c in consoles.values() for program in c.verified})
    rows = [[program, str(budgets.get(program, NONE)),
             *(str(c.verified.get(program) or NONE) for c in consoles.values())]
            for program in programs]
    return table(["instructions verified", "budget", *consoles], rows)


def check_table(consoles):
    """Check -> what each kernel said of it."""
    rows = {}
    for name, console in consoles.items():
        for line in console.passed:
            if line.startswith("load, "):
                continue
            check, _, said = line.partition(": ")
            rows.setdefault(check, {})[name] = said
    return table(["traced", *consoles],
                 [[check, *(said.get(name, NONE) for name in consoles)]
                  for check, said in rows.items()])


def one_sided(consoles):
    """Features of which no kernel shows one side."""
    sides = {}
    for console in consoles.values():
        for name, side in console.features.items():
            sides.setdefault(name, set()).add(side)
    return [f"{name} is {found.pop()} on every kernel" for name, found in sides.items()
            if len(found) == 1]


def judge(name, log):
    console = Console(Path(log).read_text(errors="replace"))
    found = faults(console, Verified(VERIFIED.read_text()).budgets)
    if found:
        print("\n".join(console.text.splitlines()[-TAIL:]))
    else:
        print("\n".join(f"PASS {line}" for line in console.passed))
    for fault in found:
        print(f"{name}: {fault}")
    return 1 if found else 0


def tables(arguments):
    options = [a for a in arguments if a.startswith("--")]
    logs = dict(a.split("=", 1) for a in arguments if not a.startswith("--"))
    consoles = {name: Console(Path(log).read_text(errors="replace")) for name, log in logs.items()}
    verified = Verified(VERIFIED.read_text())
    if "--record" in options:
        for name, console in consoles.items():
            verified.put(name, console.verified)
        VERIFIED.write_text(verified.text())
    for lines in (check_table(consoles), feature_table(consoles),
                  verified_table(consoles, verified.budgets)):
        print("\n" + "\n".join(lines))
    found = one_sided(consoles) if "--all" in options else []
    for fault in found:
        print(fault)
    return 1 if found else 0


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "judge":
        return judge(*arguments[1:])
    if arguments and arguments[0] == "tables":
        return tables(arguments[1:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
