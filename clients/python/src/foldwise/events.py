"""What happens to a study, from now until its end, through restarts of its coordinator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from foldwise.connection import STREAM_S, Connection
from foldwise.errors import DeadlineError, UnavailableError
from foldwise.report import Epoch
from foldwise.status import Run, Status
from foldwise.v1 import study_pb2

# Time after which a coordinator that went away is given up.
PATIENCE_S = 60.0
# Pauses between tries to reach it: the first, and the longest.
_PAUSE_S, _PAUSE_S_MAX = 0.2, 2.0


@dataclass(frozen=True)
class StudyChanged:
    """The study as it is now: the first event of all, and again whenever its counts change."""

    status: Status


@dataclass(frozen=True)
class EpochTrained:
    """An epoch was trained, told while its run trains.

    A run's last epochs may come with its result instead: `Study.epochs()` has all of them.
    """

    trial: int
    fold: int
    """The final stage counts as the one after the last."""
    epoch: Epoch


@dataclass(frozen=True)
class RunChanged:
    """A run changed."""

    run: Run


Event = StudyChanged | EpochTrained | RunChanged
"""Something that happened to a study."""


def follow(
    connection: Connection,
    study: str,
    *,
    timeout_s: float | None = None,
    lost: Callable[[UnavailableError], None] = lambda _: None,
) -> Iterator[Event]:
    """Hands out events until the study is over.

    A stream that was cut goes on from its last event; where it cannot, because the coordinator restarted, the first
    event of the new stream makes up for what was missed. `lost` is told once whenever that begins.
    """
    watch = _Watch(None if timeout_s is None else time.monotonic() + timeout_s)
    while True:
        request = study_pb2.WatchStudyRequest(name=study, resume_token=watch.token)
        answer, attempt, left_s = study_pb2.StudyEvent, "watch the study", watch.left_s()
        try:
            for told in connection.stream("WatchStudy", request, answer, attempt, timeout_s=left_s):
                watch.token, watch.lost_at = told.resume_token, None
                event = _event(told)
                if event is not None:
                    yield event
                if isinstance(event, StudyChanged) and event.status.is_over:
                    return
            watch.miss(UnavailableError(f"could not {attempt}", "the stream ended before the study"), lost)
        except UnavailableError as error:
            watch.miss(error, lost)
        except DeadlineError:
            # The stream's own time is up, or the caller's, which the next look at it tells.
            continue


class _Watch:
    """Where a watch is, and how long it may last."""

    def __init__(self, until: float | None) -> None:
        self.until, self.token = until, ""
        self.lost_at: float | None = None
        self._pause_s = _PAUSE_S

    def left_s(self) -> float:
        """Seconds for the next stream."""
        left_s = STREAM_S if self.until is None else min(self.until - time.monotonic(), STREAM_S)
        if left_s <= 0:
            raise DeadlineError("the study has not ended in the time that was given")
        return left_s

    def miss(self, error: UnavailableError, lost: Callable[[UnavailableError], None]) -> None:
        """Pauses before the next try, or gives up."""
        now = time.monotonic()
        if self.lost_at is None:
            self.lost_at, self._pause_s = now, _PAUSE_S
            lost(error)
        elif now - self.lost_at > PATIENCE_S:
            raise error
        time.sleep(min(self._pause_s, self.left_s()))
        self._pause_s = min(self._pause_s * 2, _PAUSE_S_MAX)


def _event(told: study_pb2.StudyEvent) -> Event | None:
    """From the protocol; `None` for what a newer coordinator tells."""
    kind = told.WhichOneof("event")
    if kind == "study":
        return StudyChanged(Status.of(told.study))
    if kind == "run":
        return RunChanged(Run.of(told.run))
    if kind == "epoch":
        return EpochTrained(told.epoch.trial, told.epoch.fold, _epoch(told.epoch))
    return None


def _epoch(event: study_pb2.EpochEvent) -> Epoch:
    epoch = event.epoch
    return Epoch(
        epoch=epoch.epoch,
        train_loss=epoch.train_loss,
        train_accuracy=epoch.train_accuracy if epoch.HasField("train_accuracy") else None,
        val_loss=epoch.val_loss if epoch.HasField("val_loss") else None,
        val_accuracy=epoch.val_accuracy if epoch.HasField("val_accuracy") else None,
        lr=epoch.lr,
    )
