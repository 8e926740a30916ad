"""A step as a job of a platform: started once per attempt, found again after a lost worker, watched to its end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Protocol

from lakehouse.orchestration.jobs import Job

_KEY = "lakehouse_job"
"""Under which the scheduler keeps what is known of a task's job across its tries."""


class Phase(Enum):
    """Where a job stands."""

    ACTIVE = "active"
    ENDED = "ended"
    """By itself, well or not; what the step wrote says which."""
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Sight:
    """What a platform says of a job."""

    phase: Phase
    state: str
    """In its own words."""
    reason: str = ""
    link: str = ""


class UnknownJobError(Exception):
    """A platform knows no such job, or knows it no more; nothing of it can be running there."""


class Platform(Protocol):
    """Where jobs run."""

    name: str

    @property
    def place(self) -> str:
        """Which of its clusters, applications or workspaces: a job's id means nothing at another."""

    def submit(self, job: Job, token: str) -> str:
        """Start a job and return its id; the same token again gives the job that was started with it."""

    def look(self, job_id: str) -> Sight:
        """How a job does; raises UnknownJobError."""

    def cancel(self, job_id: str) -> None:
        """Ask for a job's end; one that has ended already is left as it is."""


class Notes(Protocol):
    """What outlives a try of a task: the scheduler's state of the task."""

    def get(self, key: str) -> Any:
        """What was noted, or None."""

    def set(self, key: str, value: Any) -> None:
        """Note something, in place of what was there."""


@dataclass(frozen=True)
class Ending:
    """A job that has ended, and what it was asked to do: perhaps by an earlier try."""

    job: Job
    job_id: str
    sight: Sight


def job_token(*identity: object) -> str:
    """A token for one try of a task, the same whenever it is asked for; every platform takes its form."""
    return hashlib.sha256("\n".join(str(part) for part in identity).encode()).hexdigest()


class Watch:
    """Starts a job, or finds the one that a lost worker started, and waits for its end.

    What is about to be started is noted first. So a worker can be lost at any moment: the next try asks the platform
    with the same token, and gets the job that runs already. A job that was cancelled is waited for, then started anew:
    two of them would be two writers.
    """

    def __init__(self, platform: Platform, notes: Notes | None, say: Callable[[str], None], pause: Callable[[], None]):
        self._platform = platform
        self._notes = notes
        self._say = say
        self._pause = pause
        self._active: str | None = None

    @property
    def name(self) -> str:
        """The platform's."""
        return self._platform.name

    def follow(self, job: Job, token: str) -> Ending:
        """The end of this job, or of that of an earlier try whose end nobody has seen."""
        noted = self._notes.get(_KEY) if self._notes is not None else None
        earlier = self._earlier(noted) if isinstance(noted, Mapping) and "job" in noted else None
        return earlier or self._watch(job, token, None)

    def done(self) -> None:
        """Forget the job: its end was seen, and a further try starts a new one."""
        self._note({"seen": self._active or ""})
        self._active = None

    def cancel(self) -> None:
        """End the job that is being watched."""
        if self._active:
            self._say(f"cancelling {self._platform.name} job {self._active}")
            self._platform.cancel(self._active)

    def _earlier(self, noted: Mapping[str, Any]) -> Ending | None:
        """The end of the job of an earlier try; None when a new one has to be started in its place."""
        job_id, here = noted.get("job_id"), self._platform.place
        place = noted.get("place", here)
        if place != here:
            # The cluster was replaced. To ask the new one for the job would fail now, and at each further try.
            self._say(f"an earlier try started a job at {place}, where no jobs are started any more; starting anew")
            return None
        try:
            ending = self._watch(_noted_job(noted["job"]), str(noted["token"]), job_id)
        except UnknownJobError as error:
            # One that was started just now may not be known everywhere yet: a second one would run beside it.
            if job_id is None:
                raise
            self._active = None
            self._say(f"{self._platform.name} does not know the job {job_id} any more ({error}); starting anew")
            return None
        if ending.sight.phase is Phase.ENDED:
            return ending
        self._say(f"{self._platform.name} job {ending.job_id} was cancelled; starting anew")
        return None

    def _watch(self, job: Job, token: str, job_id: str | None) -> Ending:
        if job_id is None:
            # A list, because a tuple is no JSON to the scheduler.
            words = {**asdict(job), "arguments": list(job.arguments)}
            known = {"token": token, "place": self._platform.place, "job": words}
            self._note(known)
            job_id = self._platform.submit(job, token)
            self._note({**known, "job_id": job_id})
            self._say(f"{self._platform.name} job {job_id} runs {job.title} ({job.run_id})")
        else:
            self._say(f"an earlier try started {self._platform.name} job {job_id} ({job.run_id}): waiting for that one")
        self._active = job_id
        said = ""
        while (sight := self._platform.look(job_id)).phase is Phase.ACTIVE:
            if sight.state != said:
                self._say(f"{self._platform.name} job {job_id}: {sight.state} {sight.link}".rstrip())
                said = sight.state
            self._pause()
        self._say(f"{self._platform.name} job {job_id}: {sight.state} {sight.reason}".rstrip())
        return Ending(job, job_id, sight)

    def _note(self, value: dict[str, Any]) -> None:
        if self._notes is not None:
            self._notes.set(_KEY, value)


def _noted_job(noted: Mapping[str, Any]) -> Job:
    return Job(**{**noted, "arguments": tuple(noted["arguments"])})


def conf_options(settings: Mapping[str, str]) -> list[str]:
    """Settings as options of spark-submit, in the order of their names."""
    return [word for name, value in sorted(settings.items()) for word in ("--conf", f"{name}={value}")]
