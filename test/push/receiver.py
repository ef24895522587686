# SPDX-License-Identifier: Apache-2.0
"""A backend that answers as it is told: one behaviour a request, then 200."""

import gzip
import http.server
import threading
import time


class Receiver:
    """Behaviours: a status; (status, {header: value}); `stall`: reads, never answers; `close`: ends
    without an answer; `half`: 200, then ends in the body; `half header`; `flood`: 200 and a body,
    or `flood header`: headers, without an end; `hold 401`: that answer once `release` is set."""

    def __init__(self, *script, port=0, tls=None, accept=None):
        self.script = list(script)
        self.accept = accept  # the only token that is not answered by 401, where there is one
        self.statuses = []  # or other behaviours, as `requests`
        self.requests = []  # (path, headers, body) of those that were read whole
        self.times = []  # when, by the monotonic clock
        self.arrived = threading.Condition()
        self.over = threading.Event()
        self.release = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.take(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        with self.arrived:
            behaviour = self.script.pop(0) if self.script else 200
            if self.accept and handler.headers.get("Authorization") != "Bearer " + self.accept:
                behaviour = 401
            self.statuses.append(behaviour)
            self.requests.append((handler.path, dict(handler.headers), body))
            self.times.append(time.monotonic())
            self.arrived.notify_all()
        self.answer(handler, behaviour)

    def answer(self, handler, behaviour):
        if behaviour == "hold 401":
            self.release.wait(60)
            behaviour = 401
        status, headers = behaviour if isinstance(behaviour, tuple) else (behaviour, {})
        if isinstance(status, int):
            handler.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            return
        handler.close_connection = True
        try:
            self.misbehave(handler.wfile, status)
        except OSError:
            pass  # the sender ended it

    def misbehave(self, out, how):
        if how == "stall":
            self.over.wait(60)
        elif how == "half":
            out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")
        elif how == "half header":
            out.write(b"HTTP/1.1 200")
        elif how == "flood":
            out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while not self.over.is_set():
                out.write(b"x" * 65536)
        elif how == "flood header":
            out.write(b"HTTP/1.1 503 Later\r\n")
            while not self.over.is_set():
                out.write(b"X-Padding: " + b"x" * 1024 + b"\r\n")
        else:
            assert how == "close", how

    def wait_for(self, count):
        """Until as many requests were read."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, 60), self.requests

    def bodies(self):
        return [gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
                for _, headers, body in self.requests]
