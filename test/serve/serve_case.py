# SPDX-License-Identifier: Apache-2.0
"""What the tests of user/serve share: a driver process, and requests as they stand on the wire."""

import json
import os
import re
import socket
import subprocess
import unittest

TOKEN = "a-token-of-many-letters"


class Driver:
    """serve_driver, which speaks to serve::Server as the tracer does."""

    program = None

    def __init__(self, *settings, env=None):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("JTRACE_SERVE")}
        self.process = subprocess.Popen([self.program, *settings], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**kept, **(env or {})})
        first = self.process.stdout.readline()
        hello = json.loads(first) if first else {}
        self.server = hello.get("pid")
        self.ports = {part: int(re.search(r":(\d+)/", hello[part]).group(1))
                      for part in ("serve", "metrics") if hello.get(part)}

    def __call__(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        """Its exit status and what it wrote on standard error."""
        self.process.stdin.close()
        errors = self.process.stderr.read()
        status = self.process.wait(60)
        self.process.stdout.close()
        self.process.stderr.close()
        return status, errors


class Answer:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0  # 0: closed without a word
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}


def read_all(connection):
    data = b""
    try:
        while part := connection.recv(1 << 16):
            data += part
    except ConnectionResetError:
        pass
    return data


class ServeCase(unittest.TestCase):
    def driver(self, *settings, env=None):
        driver = Driver(*settings, env=env)

        def stop():
            if driver.process.poll() is None:
                driver.process.kill()
            driver.end()

        if driver.server is not None:
            self.addCleanup(stop)
        return driver

    def connect(self, port):
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.addCleanup(connection.close)
        return connection

    def ask(self, port, path, *headers, host="localhost", method="GET"):
        connection = self.connect(port)
        lines = [f"{method} {path} HTTP/1.1", "Connection: close", *headers]
        if host is not None:
            lines.insert(1, f"Host: {host}")
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return Answer(read_all(connection))
