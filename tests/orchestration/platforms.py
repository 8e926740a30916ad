"""EMR Serverless and Databricks as far as our runners use them: HTTP servers that keep what they are asked."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

Server = TypeVar("Server", bound="StandIn")


class StandIn(ThreadingHTTPServer):
    """A JSON service on a port of its own on 127.0.0.1, from ``with`` on to its end.

    A job stands at the first state of its ``states`` until ``advance`` moves it on.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.started: list[dict[str, Any]] = []
        """What each job was started with; its place gives its number."""
        self.tokens: dict[str, int] = {}
        self.states: list[list[str]] = []
        """What each job goes through; jobs to come take the next one of ``plans``."""
        self.plans: list[list[str]] = []
        self.cancelled: list[str] = []
        self.gone: set[str] = set()
        """Ids of jobs that are not known any more."""
        self.caller = 0
        """The port that the latest request came from."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def advance(self) -> None:
        """Every job goes on to its next state."""
        for states in self.states:
            if len(states) > 1:
                states.pop(0)

    def __enter__(self: Server) -> Server:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def start(self, token: str, asked: dict[str, Any]) -> int:
        """The number of the job with a token: a new one, or that of before."""
        if token not in self.tokens:
            self.tokens[token] = len(self.started)
            self.started.append(asked)
            self.states.append(self.plans.pop(0) if self.plans else ["SUCCESS"])
        return self.tokens[token]

    def answer(self, method: str, path: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body for a request."""
        raise NotImplementedError


class EmrServerlessStandIn(StandIn):
    """StartJobRun, GetJobRun and CancelJobRun of one application."""

    application = "app1"

    def answer(self, method: str, path: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = re.fullmatch(r"/applications/(\w+)/jobruns(?:/job(\d+))?", path)
        if found is None or found[1] != self.application or f"job{found[2]}" in self.gone:
            return 404, {"code": "ResourceNotFoundException", "message": f"nothing at {path}"}
        if method == "POST":
            job = f"job{self.start(asked['clientToken'], asked)}"
            return 200, {"applicationId": self.application, "arn": "arn:aws:x", "jobRunId": job}
        number = int(found[2])
        if method == "DELETE":
            self.cancelled.append(f"job{number}")
            self.states[number] = ["CANCELLING", "CANCELLED"]
            return 200, {"applicationId": self.application, "jobRunId": f"job{number}"}
        state = self.states[number][0]
        details = "Job failed: exit code 137" if state == "FAILED" else ""
        return 200, {"jobRun": {"jobRunId": f"job{number}", "state": state, "stateDetails": details}}


class DatabricksStandIn(StandIn):
    """jobs/runs/submit, get, get-output and cancel of version 2.2."""

    has_output = True

    def answer(self, method: str, path: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        verb = path.removeprefix("/api/2.2/jobs/runs/")
        if verb == "submit":
            return 200, {"run_id": 100 + self.start(asked["idempotency_token"], asked)}
        number = int(asked["run_id"])
        if verb == "get" and str(number) in self.gone:
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": f"Run {number} does not exist."}
        if verb == "get-output" and not self.has_output:
            return 400, {"error_code": "INVALID_STATE", "message": "no output"}
        if verb == "get-output":
            return 200, {"error": "Py4JJavaError: the driver ran out of memory", "metadata": {"run_id": number}}
        if verb == "cancel":
            self.cancelled.append(str(number))
            self.states[number - 100] = ["TERMINATING", "TERMINATED CANCELED"]
            return 200, {}
        if verb != "get":
            return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": path}
        life, _, result = self.states[number - 100][0].partition(" ")
        state = {"life_cycle_state": life, "state_message": "", **({"result_state": result} if result else {})}
        page = f"https://example.cloud.databricks.com/#job/1/run/{number}"
        return 200, {"run_id": number, "state": state, "run_page_url": page, "tasks": [{"run_id": 1000 + number}]}


class _Request(BaseHTTPRequestHandler):
    server: StandIn

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        place = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(place.query).items()}
        asked |= json.loads(self.rfile.read(length) or b"{}")
        self.server.caller = self.client_address[1]
        status, body = self.server.answer(self.command, place.path, asked)
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
