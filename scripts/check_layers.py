#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what no compiler checks: who may include whom, file sizes, licences, forbidden words.

check_layers.py [ROOT]: prints `path:line: what is wrong` for each finding, exit status 1 if any.
"""

import os
import re
import sys
from pathlib import Path

# Room -> rooms it may include and link. A room stands below those that come after it, so that the
# table cannot hold a cycle (checked in test/lint).
LAYERS = {
    "base": [],
    "profile": ["base"],
    "process": ["base"],
    "event": ["base"],
    "filter": ["base", "event"],
    "unwind": ["base", "process"],
    "capture": ["base", "event", "profile", "process", "unwind"],
    "symbolize": ["base", "process", "profile"],
    "jvmsym": ["base", "process", "profile", "symbolize"],
    "helper": ["base", "process", "unwind", "symbolize", "jvmsym"],
    "export": ["base", "profile"],
    "push": ["base", "profile", "export"],
    "serve": ["base", "profile", "export"],
    "cli": ["base"],
    "session": ["base", "profile", "process", "event", "unwind", "capture", "symbolize", "jvmsym",
                "helper", "export", "push", "serve", "cli", "filter"],
    "main.cpp": ["base", "cli", "session"],
}

# Rooms that are built as more than one library.
LIBRARIES = {"perfmap": "jvmsym", "attach": "jvmsym"}

# Header -> rooms that may include it. First match counts; what matches nothing is free.
RESTRICTED = [
    (r"bpf/jtrace_abi\.h", {"unwind", "capture", "symbolize", "jvmsym", "helper", "session"},
     "the kernel ABI stays with those who speak to the kernel side"),
    (r"bpf/event_abi\.h", {"filter", "capture", "session"},
     "what is compared is filter's to say and capture's to hand over"),
    (r"bpf/entry_abi\.h", {"capture"}, "capture makes the copies that it is for"),
    (r"bpf/fd_abi\.h", {"filter"}, "filter makes text of it, others take the text"),
    (r"bpf/event_\w+\.h", {"filter"}, "the evaluator is compiled for user space in filter only"),
    (r"bpf/walk\w*\.h", {"unwind"}, "the walker is compiled for user space in unwind only"),
    (r"bpf/(bpf|libbpf|btf|libbpf_common)\.h|\w+\.skel\.h", {"capture"}, "libbpf is capture's"),
    (r"bpf/governor\w*\.h", {"capture"}, "the governor's law starts in capture"),
    (r"bpf/stack_hash\.h", {"capture"}, "the base of the hash is drawn in capture"),
    (r"bpf/.*", set(), "is BPF code"),
    (r"curl/.*", {"push"}, "who else would talk to a network"),
    (r"microhttpd\.h", {"serve"}, "who else would answer one"),
    (r"(libelf|gelf|dwarf)\.h|elfutils/.*", {"unwind", "symbolize", "jvmsym"},
     "ELF and DWARF are read in unwind, symbolize and jvmsym"),
]

HEADER_LINES = 250
SOURCE_LINES = 600
# One list that both sides include: splitting it would need a reader to join the parts again.
LINES = {"bpf/jtrace_abi.h": 360}

CODE = {".h", ".c", ".cpp"}
LICENSED = CODE | {".py", ".cmake", ".java", ".html", ".js", ".css", ".sh"}
APACHE = "Apache-2.0"
DUAL = "GPL-2.0-only OR BSD-2-Clause"
SKIPPED_FOLDERS = {".git", ".cache", "vmlinux", "__pycache__"}

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
ROOM_TARGET = re.compile(r"jtrace_room\(\s*(\w+)([^)]*)\)")
# Spelt so that this line is no finding.
PROMISE = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")


def files(root):
    """Every file of the tree but what is generated or fetched, as paths relative to it."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders
                            if f not in SKIPPED_FOLDERS and not re.match(r"build(-|$)", f))
        for name in sorted(names):
            yield (Path(folder) / name).relative_to(root)


def room_of(path):
    """The room that a file belongs to; None: tests and scripts, free to include what they need."""
    if path.parts[0] == "jvmsym":
        return "jvmsym"
    if path.parts[0] == "user" and len(path.parts) > 1:
        return path.parts[1]
    return None


def mirror_hosts(apt="/etc/apt"):
    """Hosts of the package mirrors and proxies in this machine's apt configuration."""
    folder = Path(apt)
    sources = [folder / "sources.list", *folder.glob("sources.list.d/*.list"),
               *folder.glob("sources.list.d/*.sources")]
    wanted = [(source, r"(deb|deb-src|URIs:)\s") for source in sources]
    wanted += [(conf, r"Acquire\S*proxy") for conf in folder.glob("apt.conf.d/*")]
    hosts = set()
    for source, keyword in wanted:
        try:
            lines = source.read_text(errors="replace").splitlines()
        except OSError:
            continue
        # One-line entries, and deb822 fields, whose value may go on in indented lines.
        for line in lines:
            if re.match(keyword + r"|\s+\S*://", line, re.I):
                found = re.findall(r"[a-z]+://(?:[^/@\s\"]*@)?([\w.-]+)", line)
                hosts |= {host.lower() for host in found}
    # A bare word or a loopback address would match ordinary text.
    return {host for host in hosts if "." in host and not host.startswith("127.")}


def check_include(room, quote, target):
    if ".." in target.split("/"):
        return "include path with `..`: start at the room"
    for pattern, rooms, reason in RESTRICTED:
        if re.fullmatch(pattern, target):
            return None if room in rooms else f"{room} may not include {target}: {reason}"
    if quote == "<":
        return None
    first = target.split("/")[0]
    if first not in LAYERS or "/" not in target:
        return f"include of {target}: name it from its room, as in \"base/result.h\""
    if first != room and first not in LAYERS[room]:
        return f"{room} may not include {first} ({target})"
    return None


def check_rooms(text):
    """What rooms link in their CMakeLists.txt follows the same table."""
    for match in ROOM_TARGET.finditer(text):
        room, rest = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        room = LIBRARIES.get(room, room)
        if room not in LAYERS:
            yield line, f"room {room} is not in the layer table"
            continue
        depends = re.search(r"\bDEPENDS\b([^)]*?)(?=\b[A-Z]{3,}\b|$)", rest, re.S)
        for other in depends.group(1).split() if depends else []:
            other = LIBRARIES.get(other, other)
            if other != room and other not in LAYERS[room]:
                yield line, f"{room} may not depend on {other}"


def check_license(path, text):
    name = path.name
    script = text.startswith("#!")
    if path.as_posix().startswith(("test/golden/", "test/data/")):
        return None  # what the program wrote, or read
    if not (path.suffix in LICENSED or name == "CMakeLists.txt" or script):
        return None
    kernel_side = path.suffix in (".c", ".h") and (path.parts[0] == "bpf" or ".bpf." in name)
    wanted = DUAL if kernel_side else APACHE
    found = re.search(r"SPDX-License-Identifier: ([\w.\- ]*\w)", "\n".join(text.split("\n")[:5]))
    if not found:
        return f"no SPDX line; should be {wanted}"
    if found.group(1) != wanted:
        return f"licence is {found.group(1)}, should be {wanted}"
    return None


def check_code(path, lines):
    limit = LINES.get(path.as_posix(), HEADER_LINES if path.suffix == ".h" else SOURCE_LINES)
    if len(lines) > limit:
        yield limit + 1, f"{len(lines)} lines, at most {limit}: split it"
    room = room_of(path)
    if room is not None and room not in LAYERS:
        yield 1, f"room {room} is not in the layer table"
        return
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if not include:
            continue
        quote, target = include.groups()
        if room is not None:
            problem = check_include(room, quote, target)
        else:
            problem = "include path with `..`" if ".." in target.split("/") else None
        if problem:
            yield number, problem


def check_own_header(root, path, lines):
    """A source of a room includes its own header first: each build shows that this compiles alone.
    Headers without a source are compiled by the test header_check."""
    if path.suffix != ".cpp" or room_of(path) is None:
        return
    header = path.with_suffix(".h")
    if not (Path(root) / header).is_file():
        return
    own = header.as_posix().removeprefix("user/")
    includes = ((number, found.group(2)) for number, line in enumerate(lines, 1)
                if (found := INCLUDE.match(line)))
    number, first = next(includes, (1, None))
    if first != own:
        yield number, f"includes {own} first, so that it is known to compile alone"


def check_file(path, text, hosts):
    lines = text.splitlines()
    license_problem = check_license(path, text)
    if license_problem:
        yield 1, license_problem
    if path.suffix in CODE:
        yield from check_code(path, lines)
    if path.name == "CMakeLists.txt":
        yield from check_rooms(text)
    for number, line in enumerate(lines, 1):
        if PROMISE.search(line) and path.suffix in LICENSED:
            yield number, "a promise is no comment: do it, or file an issue"
        lowered = line.lower()
        # The host itself is not printed: it must not get into a log either.
        if any(host in lowered for host in hosts):
            yield number, "names this machine's package mirror"


def check_tree(root, hosts):
    for path in files(root):
        try:
            text = (Path(root) / path).read_text()
        except (UnicodeDecodeError, OSError):
            continue  # binary test data, sockets, dangling links
        problems = [*check_file(path, text, hosts),
                    *check_own_header(root, path, text.splitlines())]
        for line, problem in problems:
            yield f"{path}:{line}: {problem}"


def main(arguments):
    root = Path(arguments[1]) if len(arguments) > 1 else Path(__file__).resolve().parent.parent
    findings = list(check_tree(root, mirror_hosts()))
    print("\n".join(findings) or "layers, sizes, licences and words: no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
