#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a reader generated from OpenTelemetry's own definitions makes of the format `otlp`.

otlp_test.py JTRACE GOLDEN: every profile of GOLDEN (test/golden/json) is converted; what is read
back must be what the JSON says. Exit status 77 where there is no reader, unless JTRACE_REQUIRE
names `tools`.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import otlp


def expected(profile, column):
    """(frames, labels) -> value of the JSON form."""
    stacks = collections.Counter()
    for stack in profile["stacks"]:
        labels = {}
        for key, label in stack.get("labels", {}).items():
            thread = re.fullmatch(r"\[(.*) tid=(\d+)\]", label) if key == "thread" else None
            if thread:
                labels.update({"thread.name": thread[1], "thread.id": int(thread[2])})
            elif isinstance(label, dict):
                unit = {"nanoseconds": "ns", "bytes": "By", "count": "1"}[label["unit"]]
                labels[key] = (label["num"], unit)
            else:
                labels[key] = label
        names = tuple(profile["frames"][i]["name"] for i in stack["frames"]) or ("[unknown]",)
        stacks[names, frozenset(labels.items())] += stack["values"][column]
    return {key: count for key, count in stacks.items() if count != 0}


def read_back(request, profile):
    stacks = collections.Counter()
    for sample in profile.samples:
        labels = otlp.attributes(request, sample.attribute_indices)
        stacks[otlp.frames(request, sample), frozenset(labels.items())] += sample.values[0]
    return stacks


def ledger(profile):
    lines, parent = {"jtrace.ledger.balanced": profile["ledger"]["balanced"]}, ""
    for line in profile["ledger"]["lines"]:
        key = (parent if line["depth"] else "jtrace.ledger") + "." + line["name"]
        parent = parent if line["depth"] else key
        lines[key] = "not measurable" if line["count"] is None else line["count"]
    return lines


class Otlp(unittest.TestCase):
    def convert(self, source):
        with tempfile.TemporaryDirectory() as folder:
            given = pathlib.Path(folder, "in.json")
            given.write_bytes(source.read_bytes())
            out = pathlib.Path(folder, "out.otlp")
            subprocess.run([JTRACE, "convert", given, "-f", out], check=True)
            return READER.read(out.read_bytes())

    def test_every_profile_is_what_the_json_says(self):
        sources = [path for path in sorted(pathlib.Path(GOLDEN).glob("*.expected"))
                   if "difference" not in path.name]
        self.assertGreaterEqual(len(sources), 7)
        for source in sources:
            with self.subTest(source.name):
                self.compare(self.convert(source), json.loads(source.read_text()))

    def compare(self, request, profile):
        types = [(one["type"], one["unit"]) for one in profile["sample_types"]]
        default = [name for name, _ in types].index(profile["default_type"])
        order = [types[default], *(one for i, one in enumerate(types) if i != default)]
        self.assertEqual(otlp.types(request), order)
        header = profile["header"]
        for one, kind in zip(otlp.profiles(request), order):
            self.assertEqual(read_back(request, one), expected(profile, types.index(kind)))
            self.assertEqual(one.time_unix_nano, header["time_nanos"])
            self.assertEqual(one.duration_nano, header["duration_nanos"])
            about = otlp.attributes(request, one.attribute_indices)
            self.assertEqual({key: about[key] for key in about if ".ledger." in key},
                             ledger(profile))
            self.assertEqual(about.get("jtrace.title", ""), header["title"])
            self.assertEqual(about.get("jtrace.events", []), header["events"])
        self.assertEqual(otlp.resource(request).get("host.name", ""), header["host"])

    def test_a_difference_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            given = pathlib.Path(folder, "in.json")
            given.write_bytes(pathlib.Path(GOLDEN, "difference.expected").read_bytes())
            run = subprocess.run([JTRACE, "convert", given, "-f", folder + "/out.otlp"],
                                 capture_output=True, text=True)
        self.assertEqual(run.returncode, 2)
        self.assertIn("otlp cannot show the difference of two profiles", run.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    JTRACE, GOLDEN = sys.argv[1:]
    WHY = otlp.reason()
    if WHY:
        print("no reader of OTLP:", WHY)
        sys.exit(1 if "tools" in os.environ.get("JTRACE_REQUIRE", "").split(",") else 77)
    READER = otlp.Definitions()
    print("definitions:", READER.version)
    unittest.main(argv=sys.argv[:1])
