#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that docs/troubleshooting.md has an entry for every message text of the program.

check_messages.py [ROOT]: prints `path:line: text` for each message without one, each check that the
doctor does not have, and each error of the host that names no check; exit status 1 if any.

A message is the text given to fail(), usage(), refused() or say(0, ...), or put among the remarks of
a report. What is looked for is its longest fixed part: what the program fills in has capitals in the
document.
"""

import re
import sys
from pathlib import Path

# Rooms whose errors reach a person as they are. Those of the others say why a file or a JVM gave no
# names or tables; they stand in doctor's findings, behind the words of a check.
ROOMS = ["user/base", "user/capture", "user/cli", "user/event", "user/filter", "user/process",
         "user/session", "user/export", "user/push", "user/serve"]
DOCUMENT = "docs/troubleshooting.md"

# Function -> which argument is the message.
CALLS = {"fail": 1, "usage": 0, "refused": 0, "no_room": 0, "say": 1,
         "remarks.emplace_back": 0, "remarks.push_back": 0, "lines.emplace_back": 0,
         "lines.push_back": 0, "refuse_at": 2, "refuse": 0, "not_there": 0, "notes_.push_back": 0}
CALL = re.compile(r"(?<![\w.])(?:report\.)?(" + "|".join(map(re.escape, CALLS)) + r")\(")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
COMMENT = re.compile(r"//[^\n]*")
# `{}`, `{:.0f}` of fmt; what a variable fills in besides.
HOLE = re.compile(r"\{[^{}]*\}")
SHORTEST = 5


def arguments(text, start):
    """The arguments of the call whose parenthesis opens before `start`."""
    depth, begin, found, i = 1, start, [], start
    while i < len(text):
        literal = LITERAL.match(text, i)
        if literal:
            i = literal.end()
            continue
        c = text[i]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0:
                return found + [text[begin:i]]
        elif c == "," and depth == 1:
            found.append(text[begin:i])
            begin = i + 1
        i += 1
    return found


def fixed_part(argument):
    """The longest run of words that no variable breaks up."""
    joined = re.sub(r'"\s+"', "", argument)
    # Of errno_text(WHAT, errno) the message is WHAT; of a choice each side is one, and the first
    # stands for both.
    pieces = []
    for literal in LITERAL.findall(joined):
        pieces += HOLE.split(literal.replace('\\"', '"').replace("\\n", " ").replace("\\\\", "\\"))
    return max((piece.strip(" ':;,()") for piece in pieces), key=len, default="")


def messages(root):
    for room in ROOMS:
        for path in sorted((root / room).glob("*.cpp")):
            text = path.read_text()
            code = COMMENT.sub(lambda m: " " * len(m.group()), text)
            for call in CALL.finditer(code):
                given = arguments(code, call.end())
                which = CALLS[call.group(1)]
                if len(given) <= which:
                    continue
                if "." in call.group(1) and room not in ("user/capture", "user/filter",
                                                              "user/session"):
                    continue
                if given[which].lstrip().startswith("{1,"):  # a Remark that -v asks for
                    continue
                if call.group(1) == "say" and given[0].strip() not in ("0", "-1"):
                    continue
                part = fixed_part(given[which])
                if len(part) >= SHORTEST:
                    yield path.relative_to(root), code.count("\n", 0, call.start()) + 1, part


# A check of the doctor by its name, in a hint or as the last words of a call of refused().
CHECK = re.compile(r"\(doctor: ([a-z-]+)\)")
REFUSED = re.compile(r"refused\([^;]*?,\s*\"([a-z-]+)\"\)", re.DOTALL)


def unknown_checks(root):
    """Checks that messages name and the doctor does not have."""
    doctor = "".join(path.read_text() for path in (root / "user/session").glob("doctor_*.cpp"))
    for path in sorted((root / "user").glob("*/*.cpp")):
        text = path.read_text()
        for name in CHECK.findall(text) + REFUSED.findall(text):
            if f'"{name}"' not in doctor:
                yield f"{path.relative_to(root)}:1: the doctor has no check '{name}'"


# Errors of the host that a person meets by other words, which name the check: who reads a file says
# what it was for, and the doctor itself asks what can be loaded.
THROUGH_OTHERS = {"user/base/file.cpp", "user/capture/features.cpp"}
NAMES_CHECK = re.compile(r"\(doctor: |with_check\(")


def nameless(root):
    """Errors of the host (exit status 3) whose hint names no check of the doctor."""
    for room in ROOMS:
        for path in sorted((root / room).glob("*.cpp")):
            if path.relative_to(root).as_posix() in THROUGH_OTHERS:
                continue
            text = path.read_text()
            for call in re.finditer(r"(?<![\w.])fail\(", text):
                given = arguments(text, call.end())
                if given[0].strip() != "Errc::Environment":
                    continue
                hint = given[2].strip() if len(given) > 2 else ""
                if re.fullmatch(r"k\w+", hint):
                    hint = re.search(hint + r"\s*=([^;]*);", text).group(1)
                if not NAMES_CHECK.search(hint):
                    line = text.count("\n", 0, call.start()) + 1
                    yield f"{path.relative_to(root)}:{line}: no check of the doctor in the hint"


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    lines = (root / DOCUMENT).read_text().splitlines()
    document = " ".join(" ".join(line.split()) for line in lines if line.startswith("### `"))
    missing = [f"{path}:{line}: {DOCUMENT} has no entry with '{part}'"
               for path, line, part in messages(root) if " ".join(part.split()) not in document]
    missing += unknown_checks(root)
    missing += nameless(root)
    print("\n".join(missing), end="\n" if missing else "")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
