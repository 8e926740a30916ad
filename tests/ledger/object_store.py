"""A stand-in for S3 that keeps the conditions of a put, and can fail in the ways that a store or a network does."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class ObjectStore(ThreadingHTTPServer):
    """Objects of the bucket 'bucket'; listens on a free port of this machine."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.puts: deque[str] = deque()
        """What happens to the next puts: 'ok', 'lost' (done, but no answer), 'never' (no answer, not done), or a status
        that is answered in place of doing it."""
        self.gets: deque[str] = deque()
        self.ignored: set[str] = set()
        """Conditions (headers) that this store takes no notice of."""
        self.accepted: list[dict[str, Any]] = []
        """Every lease that was written."""
        self.changed = threading.Condition()
        """Held while an object is written; told of every write."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def lease(self) -> dict[str, Any]:
        """The lease of the domain 'shop' in s3://bucket/lake."""
        return self.lease_of("shop")

    def lease_of(self, domain: str) -> dict[str, Any]:
        """The lease of a domain in s3://bucket/lake."""
        content: dict[str, Any] = json.loads(self.objects[f"/bucket/lake/{domain}/writer.lease"][0])
        return content


def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """An object store that this process, and those that it starts, take for S3; for a fixture."""
    server = ObjectStore()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield server
    server.shutdown()
    server.server_close()


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ObjectStore

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        fault = _next(self.server.puts)
        if fault == "never":
            self.close_connection = True
        elif fault.isdigit():
            self._answer(int(fault))
        else:
            with self.server.changed:
                status, e_tag = self._put(content)
                self.server.changed.notify_all()
            if fault == "lost":
                self.close_connection = True
            else:
                self._answer(status, e_tag=e_tag)

    def _put(self, content: bytes) -> tuple[int, str]:
        there = self.server.objects.get(self.path)
        asked = {name: value for name, value in self.headers.items() if name.title() not in self.server.ignored}
        new, wanted = asked.get("if-none-match") == "*", asked.get("if-match")
        if not self.path.startswith("/bucket/") or (wanted and not there):
            return 404, ""
        if there and (new or (wanted and there[1] != wanted)):
            return 412, ""
        e_tag = f'"{hashlib.md5(content).hexdigest()}"'
        self.server.objects[self.path] = (content, e_tag)
        if content.startswith(b"{"):
            self.server.accepted.append(json.loads(content))
        return 200, e_tag

    def do_GET(self) -> None:
        fault = _next(self.server.gets)
        there = self.server.objects.get(self.path)
        if fault.isdigit():
            self._answer(int(fault))
        elif there:
            self._answer(200, *there)
        else:
            self._answer(404)

    def _answer(self, status: int, content: bytes = b"", e_tag: str = "") -> None:
        self.send_response(status)
        if e_tag:
            self.send_header("ETag", e_tag)
            self.send_header("Last-Modified", "Thu, 02 Jan 2025 00:00:00 GMT")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the screen."""


def _next(faults: deque[str]) -> str:
    return faults.popleft() if faults else "ok"
