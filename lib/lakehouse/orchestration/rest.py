"""The REST interface of a running Airflow, for who is not part of it.

Nothing of Airflow is imported: this works from any environment.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from lakehouse.errors import ConfigurationError
from lakehouse.orchestration.server import USER, Site, password

AWAY = (OSError, HTTPException)
"""What is raised when Airflow does not answer, or not to the end: refused, timed out, cut off."""
_TRIES = 10
"""How often a request is repeated when Airflow is too busy for it (SQLite: the database is locked)."""
_LONGEST_PAUSE = 2.0
"""Seconds between two of these tries."""


class RefusedError(Exception):
    """Airflow's answer to a request that it did not carry out."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text

    @property
    def busy(self) -> bool:
        """Whether asking again may help: Airflow says both when SQLite lets only one write at a time."""
        locked = self.code == HTTPStatus.INTERNAL_SERVER_ERROR and "Database error" in self.text
        return locked or self.code == HTTPStatus.SERVICE_UNAVAILABLE


@dataclass
class Airflow:
    """The REST interface of a running Airflow."""

    address: str
    token: str = ""
    log_in: Callable[[], str] | None = None
    """Gives a new token: one lasts a day, and ends with the Airflow that gave it."""

    def get(self, path: str, **query: object) -> Any:
        """What lies under a path; raises RefusedError."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What a path answers; raises RefusedError."""
        return self._ask("POST", path, body)

    def page(self, dag: str, run_id: str) -> str:
        """Address of a run for people."""
        return f"{self.address}/dags/{quote(dag)}/runs/{quote(run_id)}"

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            return self._insist(method, path, body)
        except RefusedError as error:
            if error.code != HTTPStatus.UNAUTHORIZED or self.log_in is None:
                raise
        self.token = self.log_in()
        return self._insist(method, path, body)

    def _insist(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        for attempt in range(1, _TRIES + 1):
            try:
                with urlopen(Request(self.address + path, data, headers, method=method), timeout=60) as answer:
                    return json.loads(answer.read())
            except HTTPError as error:
                refused = RefusedError(error.code, error.read().decode(errors="replace").strip())
                if not refused.busy or attempt == _TRIES:
                    raise refused from error
                time.sleep(min(_LONGEST_PAUSE, 0.1 * attempt))
        raise AssertionError("the last try returns or raises")


def connect(site: Site) -> Airflow:
    """The Airflow of a site; raises ConfigurationError when it is not there or does not run."""
    again = f"Start it in another terminal with: {_start_command(site)}"

    def log_in() -> str:
        asked = {"username": USER, "password": password(site)}
        return str(Airflow(site.url).post("/auth/token", asked)["access_token"])

    try:
        token = log_in()
    except FileNotFoundError as error:
        raise ConfigurationError(f"There is no Airflow in {site.home} yet. {again}") from error
    except RefusedError as error:
        raise ConfigurationError(
            f"Airflow at {site.url} does not take the password of {site.home} ({error.code}): it is another Airflow. "
            f"{again}"
        ) from error
    except AWAY as error:
        raise ConfigurationError(f"No Airflow answers at {site.url} ({reason(error)}). {again}") from error
    return Airflow(site.url, token, log_in)


def reason(error: Exception) -> str:
    """Why Airflow did not answer, in a few words."""
    return str(getattr(error, "reason", error)) or type(error).__name__


def _start_command(site: Site) -> str:
    usual = site.port == 8080
    return "make airflow" if usual else f'make airflow ARGS="--port {site.port}"'
