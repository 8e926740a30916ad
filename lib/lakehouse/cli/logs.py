"""The log of a run: JSON objects, one a line, beside what people see."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.markup import escape

from lakehouse.cli.outputs import check_output, writing
from lakehouse.cli.screen import console, show_error
from lakehouse.contracts.lakes import Lake
from lakehouse.contracts.names import TableId
from lakehouse.errors import ExitCode
from lakehouse.steps.summary import RunSummary

VARIABLE = "LAKEHOUSE_LOG"
"""Environment variable that names a log file when --log-file does not."""

_log = logging.getLogger("lakehouse")

_SECRET = re.compile(r"secret|passw|token|credential|private|access.?key", re.IGNORECASE)
"""Names of settings and variables whose values are never written."""
_ACCOUNT = re.compile(r"(?<=://)[^/@\s\"]+(?=@)")
"""User and password within an address."""
_SHORTEST_SECRET = 6
"""Shorter values (true, 1) would be taken out of words."""
_STEPS = {"bronze": "ingest", "silver": "refine", "gold": "aggregate"}
"""The step that makes the tables of a layer."""


class RunLog:
    """The log of one run: what any logger of this package says while it lasts, with the run's id on each line."""

    def __init__(self, run_id: str, domain: str, step: str | None = None) -> None:
        self._lines = _Lines(run_id, domain, step)
        self._places: list[_Place] = []
        self._level = _log.level
        self._began = time.monotonic()
        # Without a handler Python itself would print warnings and errors.
        self._silence = logging.NullHandler()
        self.mask(os.environ)
        _log.setLevel(logging.INFO)
        _log.addHandler(self._silence)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            self.failed(error, int(getattr(error, "exit_code", ExitCode.FAILED)))
        self.close()

    def close(self) -> None:
        """Stop to listen."""
        for handler in (self._silence, *self._places):
            _log.removeHandler(handler)
        _log.setLevel(self._level)

    def write_to(self, option: Path | None) -> None:
        """Write to the file that --log-file or LAKEHOUSE_LOG names; raises ConfigurationError when it cannot be."""
        named = option or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
        if named is None:
            return
        source = "--log-file" if option else VARIABLE
        check_output(source, named)
        with writing(source, named):
            named.open("a").close()
        self._add(_Place(named, self._lines)).begin()

    def keep_in(self, lake: Lake, domain: str) -> None:
        """Keep the log in a local lake too, from when the run begins to do something."""
        if lake.local:
            self._add(_Place(Path(lake.log(domain, self._lines.run_id)), self._lines))

    def mask(self, settings: Mapping[str, str]) -> None:
        """Never write the values of settings whose names say that they are secret."""
        secrets = {v for name, v in settings.items() if _SECRET.search(name) and len(v) >= _SHORTEST_SECRET}
        self._lines.secrets |= secrets

    def _add(self, place: _Place) -> _Place:
        self._places.append(place)
        _log.addHandler(place)
        return place

    # --- What happens

    def started(self, fields: Mapping[str, Any]) -> None:
        """The run begins; nothing is known of its work yet."""
        _say("run started", fields)

    def step(self, name: str) -> None:
        """A step begins."""
        self._begin()
        self._end_step()
        self._lines.step, self._began = name, time.monotonic()
        _say("step started")

    def line(self, text: str) -> None:
        """Something is being done, so that the lake gets its log."""
        self._begin()
        _say(text)

    def _begin(self) -> None:
        for place in self._places:
            place.begin()

    def finished(self, summary: RunSummary) -> None:
        """The run has ended; what came of it."""
        self._end_step()
        for level, message, fields in _events(summary):
            table = str(fields.get("table") or fields.get("table_id") or "")
            _say(message, fields, level, _STEPS.get(TableId.parse(table).layer) if table else None)
        self.ended(_figures(summary), logging.WARNING if summary.exit_code else logging.INFO)

    def ended(self, fields: Mapping[str, Any], level: int = logging.INFO) -> None:
        """The run has ended."""
        _say("run finished", fields, level)

    def failed(self, error: BaseException, code: int) -> None:
        """The run has ended with an error: name the log. An error that nobody can foresee begins that in the lake."""
        if code == ExitCode.FAILED:
            self._begin()
        fields = {"exit_code": code, "reason": str(error) or type(error).__name__}
        # How long the step took until then would be read as how long it takes.
        _log.error("run failed", exc_info=error, extra={"fields": fields})
        for path in (place.path for place in self._places if place.written):
            console(stderr=True).print(f"  Log: {escape(str(path))}", soft_wrap=True)

    def _end_step(self) -> None:
        if self._lines.step:
            _say("step finished", {"seconds": round(time.monotonic() - self._began, 1)})
        self._lines.step = None


def both(first: Callable[[str], None], second: Callable[[str], None]) -> Callable[[str], None]:
    """A function that tells both of a line."""

    def tell(text: str) -> None:
        first(text)
        second(text)

    return tell


def _say(
    message: str, fields: Mapping[str, Any] | None = None, level: int = logging.INFO, step: str | None = None
) -> None:
    _log.log(level, message, extra={"fields": dict(fields or {}), "step": step})


def _events(summary: RunSummary) -> Iterable[tuple[int, str, Mapping[str, Any]]]:
    for delivery in summary.deliveries:
        bad = delivery.state in {"refused", "unreadable", "torn"}
        yield logging.WARNING if bad else logging.INFO, f"delivery {delivery.state}", vars(delivery)
    for verdict in summary.verdicts:
        if verdict["passed"] == "no":
            yield logging.WARNING, "gate refused" if verdict["severity"] == "error" else "gate warned", verdict
    for refused in summary.refused_tables:
        yield logging.WARNING, "table refused", {"reason": refused}
    for day in summary.missing_days:
        yield logging.WARNING, "delivery missing", {"day": day}
    for standing in summary.standing:
        yield logging.WARNING, "still out", {"reason": standing}
    if summary.strangers:
        yield logging.WARNING, "files ignored", {"files": summary.strangers}
    for note in summary.notes:
        yield logging.INFO, note, {}
    for table in summary.tables:
        yield logging.INFO, "table", vars(table)


def _figures(summary: RunSummary) -> dict[str, Any]:
    states = [delivery.state for delivery in summary.deliveries]
    names = ("rows_in", "rows_accepted", "rows_quarantined", "rows_outranked", "rows_unchanged")
    judged = [delivery for delivery in summary.deliveries if delivery.state in {"accepted", "refused"}]
    return {
        "exit_code": summary.exit_code,
        "reason": summary.reason,
        "nothing_new": summary.nothing_new,
        "seconds": summary.seconds,
        "deliveries": {state: states.count(state) for state in dict.fromkeys(states)},
        **{name: sum(getattr(delivery, name) for delivery in judged) for name in names},
    }


class _Lines(logging.Formatter):
    """A record as one line of JSON."""

    def __init__(self, run_id: str, domain: str, step: str | None) -> None:
        super().__init__()
        self.run_id, self._domain = run_id, domain
        self.step = step
        self.secrets: set[str] = set()

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        event: dict[str, Any] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "run_id": self.run_id,
            "domain": self._domain,
            "step": getattr(record, "step", None) or self.step,
            "message": record.getMessage(),
            "fields": getattr(record, "fields", {}),
        }
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return self._masked(json.dumps(event, default=str, ensure_ascii=False))

    def _masked(self, line: str) -> str:
        for secret in sorted(self.secrets, key=len, reverse=True):
            line = line.replace(json.dumps(secret, ensure_ascii=False)[1:-1], "***")
        return _ACCOUNT.sub("***", line)


class _Place(logging.Handler):
    """A file that lines are added to; until it begins, they are held back."""

    def __init__(self, path: Path, lines: _Lines) -> None:
        super().__init__()
        self.path = path
        self.written = False
        self._held: list[str] | None = []
        self._broken = False
        self.setFormatter(lines)

    def begin(self) -> None:
        """Write what was held back, and from now on each line as it comes."""
        if self._held is not None:
            held, self._held = self._held, None
            self._write(held)

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if self._held is None:
            self._write([line])
        else:
            self._held.append(line)

    def _write(self, lines: list[str]) -> None:
        if self._broken or not lines:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # One write a time, at the end of the file: processes that share it do not mix their lines.
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write("".join(f"{line}\n" for line in lines))
            self.written = True
        except OSError as error:
            # The run matters more than its log.
            self._broken = True
            show_error(f"the log could not be written to {self.path}: {error.strerror or error}")
