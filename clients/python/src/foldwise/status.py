"""How studies, runs and workers stand, as the coordinator tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from foldwise import page
from foldwise.quantity import duration, moment, score, shown
from foldwise.v1 import run_pb2, study_pb2

StudyState = Literal["unspecified", "searching", "finishing", "succeeded", "failed", "cancelled", "paused"]
"""Where a study stands."""
RunState = Literal["unspecified", "queued", "leased", "finished", "failed", "cancelled"]
"""Where a run stands."""
OVER: frozenset[StudyState] = frozenset({"succeeded", "failed", "cancelled"})

# States of a coordinator that is newer than this package are unspecified.
_STUDY_STATES: dict[int, StudyState] = {
    study_pb2.STUDY_STATE_SEARCHING: "searching",
    study_pb2.STUDY_STATE_FINISHING: "finishing",
    study_pb2.STUDY_STATE_SUCCEEDED: "succeeded",
    study_pb2.STUDY_STATE_FAILED: "failed",
    study_pb2.STUDY_STATE_CANCELLED: "cancelled",
    study_pb2.STUDY_STATE_PAUSED: "paused",
}
_RUN_STATES: dict[int, RunState] = {
    study_pb2.RUN_STATE_QUEUED: "queued",
    study_pb2.RUN_STATE_LEASED: "leased",
    study_pb2.RUN_STATE_FINISHED: "finished",
    study_pb2.RUN_STATE_FAILED: "failed",
    study_pb2.RUN_STATE_CANCELLED: "cancelled",
}


@dataclass(frozen=True)
class RunCounts:
    """Runs by state, without the final stage."""

    queued: int
    leased: int
    finished: int
    failed: int
    cancelled: int

    @property
    def over(self) -> int:
        """Runs that nothing will happen to any more."""
        return self.finished + self.failed + self.cancelled

    @property
    def total(self) -> int:
        """All of them."""
        return self.over + self.queued + self.leased


@dataclass(frozen=True, repr=False)
class Status:
    """How a study stands."""

    name: str
    """`studies/{number}`."""
    display_name: str
    """The spec's name."""
    state: StudyState
    runs: RunCounts
    trials: int
    folds: int
    device: str | None
    """The kind of device it is planned for; `None` until a worker asked."""
    cohorts: int | None
    best_trial: int | None
    """The best trial so far among those with all folds, or the winner."""
    best_mean: float | None
    seconds_left: float | None
    created: datetime | None
    ended: datetime | None
    message: str
    """Why it failed, or what a reader should know."""
    priority: int
    extensions: int
    """How often its spec was extended."""
    profile: str | None
    """The device profile it is planned with."""
    profile_digest: str | None

    @classmethod
    def of(cls, study: study_pb2.Study) -> Status:
        """From the protocol."""
        runs = study.runs
        return cls(
            name=study.name,
            display_name=study.display_name,
            state=_STUDY_STATES.get(study.state, "unspecified"),
            runs=RunCounts(runs.queued, runs.leased, runs.finished, runs.failed, runs.cancelled),
            trials=study.trials,
            folds=study.folds,
            device=study.device or None,
            cohorts=study.cohorts or None,
            best_trial=study.best_trial if study.HasField("best_trial") else None,
            best_mean=study.best_mean if study.HasField("best_mean") else None,
            seconds_left=study.seconds_left if study.HasField("seconds_left") else None,
            created=moment(study.create_time) if study.HasField("create_time") else None,
            ended=moment(study.end_time) if study.HasField("end_time") else None,
            message=study.message,
            priority=study.priority,
            extensions=study.extensions,
            profile=study.profile or None,
            profile_digest=study.profile_digest or None,
        )

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen to it any more, unless it is retried or extended."""
        return self.state in OVER

    def sentence(self) -> str:
        """What a person wants to know beside the count of runs."""
        parts: list[str] = []
        if self.state == "finishing":
            parts.append("training the chosen trial")
        elif self.state == "searching":
            parts += ["waiting for a worker"] if self.device is None else []
        else:
            parts.append(self.state)
        if self.priority and not self.is_over:
            parts.append(f"priority {self.priority}")
        if self.runs.failed:
            parts.append(f"{self.runs.failed:,} failed")
        if self.best_trial is not None and self.best_mean is not None:
            parts.append(f"best trial {self.best_trial}: {score(self.best_mean)}")
        if not self.is_over and self.seconds_left is not None:
            parts.append(f"{duration(self.seconds_left)} left")
        return ", ".join(parts)

    def __repr__(self) -> str:
        parts = (self.state, f"{self.runs.over:,}/{self.runs.total:,} runs", self.sentence().removeprefix(self.state))
        said = ", ".join(part.removeprefix(", ") for part in parts if part)
        return f"<Status of {self.name} '{self.display_name}': {said}>"

    def _repr_html_(self) -> str:
        best = None if self.best_trial is None else f"trial {self.best_trial}"
        if best and self.best_mean is not None:
            best += f" with a mean of {score(self.best_mean)}"
        rows: list[tuple[str, object]] = [
            ("state", self.state),
            ("message", self.message),
            ("runs", f"{self.runs.over:,} of {self.runs.total:,} over, {self.runs.failed:,} failed"),
            ("search", f"{self.trials:,} trials on {self.folds:,} folds"),
            ("device", self.device),
            ("priority", self.priority or None),
            ("best" if self.is_over else "best so far", best),
            ("time left", None if self.seconds_left is None else duration(self.seconds_left)),
            ("submitted", self.created and shown(self.created)),
            ("ended", self.ended and shown(self.ended)),
        ]
        return page.labelled(rows, f"{self.display_name} ({self.name})")


@dataclass(frozen=True)
class Run:
    """One trial on one fold."""

    trial: int
    fold: int
    state: RunState
    attempts: int
    """Tries so far."""
    worker: str | None
    """The worker that has it, or had it last."""
    score: float | None
    error: str | None
    """Why the last try failed."""
    failure: str | None
    """What kind of failure that was: `crash`, `out_of_memory`, `data`, `training`, `released`, `hang` or `silence`."""
    checkpoint_epoch: int
    """Epochs that a checkpoint is kept of; 0 for none."""

    @classmethod
    def of(cls, run: study_pb2.Run) -> Run:
        """From the protocol."""
        failure = None
        if run.failure and run.failure in run_pb2.FailureKind.values():
            failure = run_pb2.FailureKind.Name(run.failure).removeprefix("FAILURE_KIND_").lower()
        return cls(
            trial=run.trial,
            fold=run.fold,
            state=_RUN_STATES.get(run.state, "unspecified"),
            attempts=run.attempts,
            worker=run.worker or None,
            score=run.score if run.HasField("score") else None,
            error=run.error or None,
            failure=failure,
            checkpoint_epoch=run.checkpoint_epoch,
        )


@dataclass(frozen=True)
class Slot:
    """A place for one trainer."""

    index: int
    device: str
    """`cpu` or `cuda`."""
    model: str
    lease: str | None
    """What it trains; `None` when idle."""


@dataclass(frozen=True)
class Worker:
    """A machine that trains."""

    id: str
    slots: list[Slot]
    software: str
    alive: bool
    """Whether it was heard of within a lease's time."""
    draining: bool
    """Whether it hands back what it has and ends."""
    last_seen: datetime | None

    @classmethod
    def of(cls, worker: study_pb2.Worker) -> Worker:
        """From the protocol."""
        slots = [Slot(one.index, one.device, one.model, one.lease or None) for one in worker.slots]
        seen = moment(worker.last_seen) if worker.HasField("last_seen") else None
        return cls(worker.id, slots, worker.software, worker.alive, worker.draining, seen)


class Workers(list[Worker]):
    """Workers, with a table for notebooks."""

    def _repr_html_(self) -> str:
        rows = []
        for worker in self:
            state = ("draining" if worker.draining else "alive") if worker.alive else "lost"
            for slot in worker.slots:
                device = f"{slot.device} ({slot.model})" if slot.model else slot.device
                rows.append((worker.id, state, slot.index, device, slot.lease or "idle"))
        return page.table(("worker", "state", "slot", "device", "trains"), rows)
