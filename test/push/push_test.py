#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The process that sends windows, against backends that misbehave.

push_test.py DRIVER: runs push_driver as root, so that what is given up can be seen.
"""

import email.utils
import os
import signal
import stat
import sys
import time
import unittest

import push_case
import receiver
from push_case import numbers_of

FAILURES = [500, 503, "close", "half header", 502, "stall", "flood header", 504, 429, 408]


class Delivery(push_case.PushCase):
    def test_each_window_is_acknowledged_once_whatever_comes_between(self):
        with receiver.Receiver(*FAILURES, 200, "half", "flood") as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            self.assertTrue(all(one["handed"] for one in sender.windows(range(1, 7))))
            report = sender("until sent 6")
            self.assertEqual(numbers_of(backend.requests), [1] * (len(FAILURES) + 1) + [2, 3, 4, 5, 6])
            # Where a connection that is used again turns out to be closed, libcurl itself sends the
            # request on a new one; that is no try of ours.
            self.assertEqual((report["retried"], report["trouble"]), (len(FAILURES) - 1, ""))
            self.assertEqual(report["sent_bytes"],
                             sum(len(body) for _, _, body in backend.requests[len(FAILURES):]))
            self.assert_adds_up(sender.finish())
            self.assertEqual(self.waiting(), [])

    def test_what_is_refused_is_counted_and_not_sent_again(self):
        with receiver.Receiver(400, 200, 413, (404, {"X-Other": "header"})) as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            sender.windows(range(1, 6))
            sender("until refused 3")
            report = sender.finish()
            self.assertEqual(numbers_of(backend.requests), [1, 2, 3, 4, 5])
            self.assertEqual((report["sent"], report["refused"], report["retried"]), (2, 3, 0))
            self.assert_adds_up(report)

    def test_what_is_denied_waits_for_another_token(self):
        with receiver.Receiver(401, (403, {"X-Other": "header"})) as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}", "longest=600000",
                                 env={"JTRACE_PUSH_TOKEN": "tok-first"})
            sender.windows([1, 2])
            sender("until denied 1")
            self.assertEqual(sender("report")["waiting"], 2)
            begin = time.monotonic()
            for token, count in (("tok-second", 2), ("tok-third", 3)):
                self.assertTrue(sender(f"token {token}")["handed"])
                backend.wait_for(count)
            report = sender("until sent 2")
            self.assertLess(time.monotonic() - begin, 30)
            self.assertEqual((report["refused"], report["denied"], report["waits"]), (0, False, False))
            self.assertEqual(numbers_of(backend.requests), [1, 1, 1, 2])
            self.assertEqual([headers["Authorization"] for _, headers, _ in backend.requests],
                             ["Bearer tok-first", "Bearer tok-second", "Bearer tok-third", "Bearer tok-third"])
            self.assert_adds_up(sender.finish())

    def test_what_is_denied_is_tried_again_after_the_long_pause(self):
        with receiver.Receiver(401) as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}", "first=1", "longest=2000")
            sender("window 1")
            sender("until sent 1")
            self.assertGreaterEqual(backend.times[1] - backend.times[0], 0.9)

    def test_a_token_that_comes_while_one_is_denied_is_tried_at_once(self):
        with receiver.Receiver("hold 401") as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}", "longest=600000", "stall=60",
                                 "whole=60000")
            sender("window 1")
            backend.wait_for(1)
            self.assertTrue(sender("token tok-other")["handed"])
            backend.release.set()
            sender("until sent 1")
            self.assertEqual(backend.requests[1][1]["Authorization"], "Bearer tok-other")

    def test_what_is_denied_at_the_end_waits_for_the_next_run(self):
        with receiver.Receiver(401, 401) as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}", "longest=600000")
            sender("window 1")
            sender("until denied 1")
            report = sender.finish()
            self.assertEqual((report["waiting"], report["denied"]), (1, True))
            self.assertEqual(len(backend.requests), 2)
            again = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            again("until sent 1")

    def test_otlp_is_not_tried_again_where_its_specification_says_so(self):
        with receiver.Receiver(500, 408, 503) as backend:
            sender = self.driver(f"otlp+http://127.0.0.1:{backend.port}")
            sender.windows([1, 2, 3])
            report = sender("until sent 1")
            self.assertEqual((report["refused"], report["retried"]), (2, 1))

    def test_retry_after_is_honoured(self):
        with receiver.Receiver((429, {"Retry-After": "1"})) as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            sender("window 1")
            sender("until sent 1")
            self.assertGreaterEqual(backend.times[1] - backend.times[0], 0.9)
            self.assertEqual(len(backend.requests), 2)

    def test_retry_after_may_be_a_date(self):
        later = email.utils.formatdate(time.time() + 3, usegmt=True)
        with receiver.Receiver((503, {"Retry-After": later})) as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            sender("window 1")
            backend.wait_for(1)
            begin = time.monotonic()
            sender("until sent 1")
            self.assertGreaterEqual(time.monotonic() - begin, 0.9)
            self.assertEqual(len(backend.requests), 2)

    def test_a_long_wait_is_said_and_does_not_hold_the_end(self):
        with receiver.Receiver((503, {"Retry-After": "3000"})) as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            sender("window 1")
            backend.wait_for(1)
            begin = time.monotonic()
            report = sender.finish(20000)
            self.assertLess(time.monotonic() - begin, 10)
            self.assertEqual(report["trouble"], "answered 503, asks to wait 3000 s")
            self.assertEqual((report["waiting"], len(self.waiting())), (1, 1))

    def test_a_redirect_is_not_followed(self):
        with receiver.Receiver() as other:
            there = {"Location": f"http://127.0.0.1:{other.port}/profiles/writeraw"}
            with receiver.Receiver((302, there), (307, there), (308, there)) as backend:
                sender = self.driver(f"parca+http://127.0.0.1:{backend.port}",
                                     env={"JTRACE_PUSH_TOKEN": "secret-of-one"})
                sender.windows([1, 2, 3])
                report = sender("until refused 3")
                self.assertEqual(report["trouble"], "answered 308, a redirect, which is not followed")
            self.assertEqual(other.requests, [])

    def test_a_backend_that_comes_late_gets_all(self):
        with receiver.Receiver() as backend:
            port = backend.port
        sender = self.driver(f"parca+http://127.0.0.1:{port}")
        sender.windows(range(1, 4))
        report = sender("until retried 2")
        self.assertIn("connect", report["trouble"].lower())
        with receiver.Receiver(port=port) as backend:
            sender("until sent 3")
            self.assertEqual(numbers_of(backend.requests), [1, 2, 3])

    def test_the_pauses_grow(self):
        with receiver.Receiver(*[503] * 6) as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}", "first=40", "longest=640")
            begin = time.monotonic()
            sender("window 1")
            sender("until sent 1")
            # Halves of 40, 80, 160, 320, 640, 640 at least.
            self.assertGreaterEqual(time.monotonic() - begin, 0.94)


class Spool(push_case.PushCase):
    def setUp(self):
        super().setUp()
        with receiver.Receiver() as backend:
            self.port = backend.port  # nobody's now
        self.away = f"parca+http://127.0.0.1:{self.port}"

    def test_its_bound_holds_and_the_oldest_go(self):
        sender = self.driver(self.away, "limit=40000", "longest=10000")
        size = sender("window 1 4000")["bytes"]
        for i in range(2, 30):
            self.assertTrue(sender(f"window {i} 4000")["handed"])
            self.assertLessEqual(sender("report")["spool_bytes"], 40000)
        sender("until dropped 20")
        report = sender.finish(1)
        files = self.waiting()
        self.assertEqual(report["spool_bytes"], sum(path.stat().st_size for path in files))
        self.assertLessEqual(report["spool_bytes"], 40000)
        self.assertGreater(report["spool_bytes"], 40000 - 2 * size)
        self.assertEqual(report["dropped"] + len(files), 29)
        self.assert_adds_up(report)
        with receiver.Receiver() as backend:
            again = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            again(f"until sent {len(files)}")
            sent = numbers_of(backend.requests)
        # While the first was being sent nothing pushed it out; of the others the newest are there.
        self.assertEqual(sent[1:], list(range(29 - len(files) + 2, 30)))

    def test_a_window_that_never_fits_is_dropped(self):
        sender = self.driver(self.away, "limit=3000")
        sender("window 1 9000")
        report = sender("until dropped 1")
        self.assertEqual((report["waiting"], report["trouble"]),
                         (0, "a window found no room in the spool"))

    def test_who_is_killed_loses_nothing(self):
        sender = self.driver(self.away)
        sender.windows(range(1, 6))
        sender("until waiting 5")
        sender.kill()  # SIGKILL, of the tracer; the sender ends by itself
        (self.spool / "parca" / "unfinished").write_bytes(b"half a window")
        with receiver.Receiver() as backend:
            again = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            again("window 6")
            again("until sent 6")
            self.assertEqual(numbers_of(backend.requests), [1, 2, 3, 4, 5, 6])
            report = again.finish()
        self.assertEqual((report["left"], report["taken"]), (5, 1))
        self.assert_adds_up(report)
        self.assertEqual(self.waiting(), [])

    def test_only_its_owner_can_look(self):
        sender = self.driver(self.away)
        sender("window 1")
        sender("until waiting 1")
        folder = (self.spool / "parca").stat()
        self.assertEqual(stat.S_IMODE(folder.st_mode), 0o700)
        (file,) = self.waiting()
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual((folder.st_uid, file.stat().st_uid), (65534, 65534))

    def test_one_that_is_not_ours_is_refused(self):
        first = self.driver(self.away)
        self.assertIn("spool: another jtrace sends from it", self.refusal())
        first.kill()
        folder = self.spool / "parca"
        folder.chmod(0o755)
        self.assertIn("others may look into it", self.refusal())
        folder.chmod(0o700)
        os.chown(folder, 1234, 1234)
        self.assertIn("it belongs to user 1234, not to 65534", self.refusal())
        folder.rmdir()
        folder.symlink_to("/tmp")
        self.assertIn("Not a directory", self.refusal())

    def refusal(self):
        return push_case.Driver(str(self.spool), self.away).end().replace("/parca:", ":")

    def test_a_file_that_was_cut_is_dropped(self):
        sender = self.driver(self.away)
        sender.windows([1, 2])
        sender("until waiting 2")
        sender.kill()
        os.truncate(self.waiting()[0], 0)
        with receiver.Receiver() as backend:
            again = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            again("until sent 1")
            report = again.finish()
        self.assertEqual((report["left"], report["sent"], report["dropped"]), (2, 1, 1))
        self.assertEqual(numbers_of(backend.requests), [2])
        self.assert_adds_up(report)


class Process(push_case.PushCase):
    def test_it_is_nobody_without_rights_before_it_talks(self):
        with receiver.Receiver() as backend:
            # A name is looked up in a thread, which seccomp has to let through.
            sender = self.driver(f"parca+http://localhost:{backend.port}")
            sender("window 1")
            backend.wait_for(1)
            with open(f"/proc/{sender.sender}/status", encoding="utf-8") as file:
                status = dict(line.split(":\t", 1) for line in file.read().splitlines())
        self.assertEqual(set(status["Uid"].split()) | set(status["Gid"].split()), {"65534"})
        self.assertEqual(status["Groups"].strip(), "")
        self.assertEqual({int(status[one], 16) for one in ("CapPrm", "CapEff", "CapBnd")}, {0})
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertEqual(status["Name"], "jtrace-sender")

    def test_one_that_hangs_does_not_hold_the_tracer(self):
        with receiver.Receiver() as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            os.kill(sender.sender, signal.SIGSTOP)
            answers = sender.windows(range(1, 601))
            os.kill(sender.sender, signal.SIGCONT)
            self.assertLess(max(one["ms"] for one in answers), 500)
            handed = [i for i, one in enumerate(answers, 1) if one["handed"]]
            self.assertIn(len(handed), range(100, 600))
            self.assertEqual(handed, list(range(1, len(handed) + 1)))
            report = sender(f"until sent {len(handed)}")
            self.assertEqual((report["taken"], report["dropped"]), (600, 600 - len(handed)))
            self.assertEqual(numbers_of(backend.requests), handed)
            self.assert_adds_up(sender.finish())

    def test_the_memory_under_way_is_bounded(self):
        with receiver.Receiver() as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            os.kill(sender.sender, signal.SIGSTOP)
            answers = sender.windows(range(1, 31), 3000000)
            total = sum(one["bytes"] for one in answers if one["handed"])
            self.assertGreater(total, (64 << 20) - answers[0]["bytes"] - 100000)
            self.assertLessEqual(total, 64 << 20)
            report = sender.finish(10)  # it hangs on: the tracer does not
            self.assertEqual(report["under_way"], sum(one["handed"] for one in answers))
            self.assert_adds_up(report)
            self.assertFalse(os.path.exists(f"/proc/{sender.sender}"))

    def test_one_that_died_is_said(self):
        with receiver.Receiver("stall") as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            sender("window 1")
            backend.wait_for(1)
            os.kill(sender.sender, signal.SIGKILL)
            while sender("window 2")["handed"]:
                pass
            report = sender.finish()
        self.assertEqual(report["trouble"], "the sender of profiles is gone")
        self.assertGreaterEqual(report["dropped"], 1)
        self.assert_adds_up(report)

    def test_signals_do_not_end_it(self):
        with receiver.Receiver() as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}")
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(sender.sender, number)
            sender("window 1")
            self.assertEqual(sender.finish()["sent"], 1)

    def test_the_end_waits_no_longer_than_it_was_told(self):
        with receiver.Receiver("stall") as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}", "stall=60", "whole=60000")
            sender("window 1")
            backend.wait_for(1)
            begin = time.monotonic()
            report = sender.finish(300)
            self.assertLess(time.monotonic() - begin, 2)
            self.assertEqual((report["waiting"], len(self.waiting())), (1, 1))

    def test_a_token_is_in_the_header_and_nowhere_else(self):
        token = "tok-5b1f0c9e"
        with receiver.Receiver(503, 401) as backend:
            sender = self.driver(f"parca+http://127.0.0.1:{backend.port}/profiles/writeraw?org=7",
                                 env={"JTRACE_PUSH_TOKEN": token})
            sender("window 1")
            report = sender("until denied 1")
            self.assertIn("the token is missing or not accepted", report["trouble"])
            for pid in (sender.sender, sender.process.pid):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    self.assertNotIn(token.encode(), file.read())
            with receiver.Receiver() as nobody:
                port = nobody.port
            sender.finish()
            away = self.driver(f"parca+http://127.0.0.1:{port}", env={"JTRACE_PUSH_TOKEN": token})
            away("window 2")
            away("until retried 1")
            for file in self.waiting():
                self.assertNotIn(token.encode(), file.read_bytes())
            away.kill()
        self.assertEqual([headers["Authorization"] for _, headers, _ in backend.requests],
                         ["Bearer " + token] * 3)  # and once more at the end
        self.assertEqual(backend.requests[0][0], "/profiles/writeraw?org=7")
        self.assertNotIn(token, sender.said + away.said)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    push_case.Driver.program = sys.argv.pop(1)
    if os.geteuid() != 0:
        print("not root: what the sender gives up cannot be seen")
        sys.exit(1 if "tools" in os.environ.get("JTRACE_REQUIRE", "").split(",") else 77)
    unittest.main()
