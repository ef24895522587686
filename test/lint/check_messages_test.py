#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of scripts/check_messages.py: what it takes for a message, and that it misses none."""

import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import check_messages  # noqa: E402


class MessagesTest(unittest.TestCase):
    def messages(self, code, room="user/session"):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / room / "a.cpp"
            source.parent.mkdir(parents=True)
            source.write_text(code)
            return [(line, part) for _, line, part in check_messages.messages(Path(folder))]

    def test_messages_of_calls(self):
        for code, part in (
                ('return fail(Errc::Usage, "no such word", "hint");', "no such word"),
                ('return fail(Errc::Target, errno_text("watch process " + p(pid), errno));',
                 "watch process"),
                ('fail(Errc::Usage, fmt::format("{} is never {} at", f(a, b), c))', "is never"),
                ('fail(Errc::Usage, "half of a "\n  "text")', "half of a text"),
                ('return usage(quoted(label, text) + "not a duration", kHint);', "not a duration"),
                ('return refused("load BPF programs", err, {A, B}, "bpf");', "load BPF programs"),
                ('say(0, "no tracefs here");', "no tracefs here"),
                ('report.remarks.emplace_back("nothing came");', "nothing came")):
            self.assertEqual(self.messages("\n" + code), [(2, part)], code)

    def test_what_is_none(self):
        for code in ('// fail(Errc::Usage, "a comment, no code")', 'say(1, "only with -v");',
                     'fail(code, message);', 'assert_fail(Errc::Usage, "another function")'):
            self.assertEqual(self.messages(code), [], code)

    def test_other_rooms_speak_through_the_doctor(self):
        self.assertEqual(self.messages('fail(Errc::Usage, "bad table")', "user/unwind"), [])

    def test_checks_of_the_doctor(self):
        with tempfile.TemporaryDirectory() as folder:
            session = Path(folder) / "user/session"
            session.mkdir(parents=True)
            (session / "doctor_host.cpp").write_text('ok("tracefs", "there");')
            for code, wrong in (('"mount it (doctor: tracefs)"', 0), ('"x (doctor: trace)"', 1),
                                ('return refused(a + b, errno, {A},\n "tracefs");', 0),
                                ('return refused(a, errno, {A, B}, "bfp");', 1)):
                (session / "a.cpp").write_text(code)
                found = list(check_messages.unknown_checks(Path(folder)))
                self.assertEqual(len(found), wrong, code)

    def test_errors_of_the_host_name_a_check(self):
        with tempfile.TemporaryDirectory() as folder:
            event = Path(folder) / "user/event"
            event.mkdir(parents=True)
            for code, wrong in (('fail(Errc::Environment, "x", "mount it (doctor: tracefs)")', 0),
                                ('fail(Errc::Environment, "x", with_check("mount it", "tracefs"))', 0),
                                ('const char* kHint =\n "a (doctor: b)"; fail(Errc::Environment, "x", kHint)',
                                 0),
                                ('fail(Errc::Environment, "x", "mount it")', 1),
                                ('fail(Errc::Environment, "x")', 1), ('fail(Errc::Usage, "x")', 0)):
                (event / "a.cpp").write_text(code)
                self.assertEqual(len(list(check_messages.nameless(Path(folder)))), wrong, code)
        self.assertEqual(list(check_messages.nameless(ROOT)), [])

    def test_this_repository(self):
        found = list(check_messages.messages(ROOT))
        self.assertGreater(len(found), 100)
        self.assertIn("no such process", [part for _, _, part in found])


if __name__ == "__main__":
    unittest.main()
