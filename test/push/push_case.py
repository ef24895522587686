# SPDX-License-Identifier: Apache-2.0
"""What the tests of user/push share: a driver process, and what windows look like at the backend."""

import base64
import gzip
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

DEFAULTS = ("first=10", "longest=40", "connect=2000", "stall=1", "whole=10000")


def environment(**more):
    # A proxy of this machine's is not asked for 127.0.0.1.
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JTRACE_PUSH")}
    return {**kept, "no_proxy": "*", **more}


class Driver:
    """push_driver, which speaks to push::Sender as the tracer does."""

    program = None

    def __init__(self, spool, url, *settings, env=None):
        self.process = subprocess.Popen(
            [self.program, spool, url, *DEFAULTS, *settings], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**(env or {})))
        self.said = ""
        first = self.process.stdout.readline()
        self.sender = json.loads(first)["pid"] if first else None

    def __call__(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        self.said += line
        return json.loads(line)

    def windows(self, numbers, noise=0):
        return [self(f"window {i} {noise}") for i in numbers]

    def finish(self, patience=5000):
        report = self(f"finish {patience}")
        self.end()
        return report

    def end(self):
        """What it wrote on standard error."""
        self.process.stdin.close()
        errors = self.process.stderr.read()
        self.process.wait(60)
        self.process.stdout.close()
        self.process.stderr.close()
        self.said += errors
        return errors

    def kill(self):
        self.process.kill()
        self.end()


def numbers_of(requests):
    """The windows that arrived, by the value of their only sample, in the forms without a generated
    reader: `java (pid 4242)` began at 1 785 000 000 s + its number."""
    return [window_of(headers, body) for _, headers, body in requests]


def window_of(headers, body):
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    series = json.loads(body)["series"][0]
    pprof = gzip.decompress(base64.b64decode(series["samples"][0]["rawProfile"]))
    return time_of(pprof) - 1_785_000_000


def time_of(pprof):
    """Field 9 of profile.proto, in seconds."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = pprof[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(pprof):
        tag = varint()
        value = varint()
        if tag >> 3 == 9:
            return value // 1_000_000_000
        at += value if tag & 7 == 2 else 0
    raise AssertionError("no time in the profile")


class PushCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.spool = self.folder / "spool"

    def driver(self, url, *settings, env=None):
        driver = Driver(str(self.spool), url, *settings, env=env)

        def stop():
            if driver.process.poll() is None:
                driver.kill()

        self.addCleanup(stop)
        return driver

    def waiting(self, backend="parca"):
        """Files in the spool, oldest first."""
        return sorted(path for path in (self.spool / backend).iterdir())

    def assert_adds_up(self, report):
        self.assertEqual(report["taken"] + report["left"], report["sent"] + report["refused"] +
                         report["dropped"] + report["waiting"] + report["under_way"], report)
