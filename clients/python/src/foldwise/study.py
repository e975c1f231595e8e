"""A study on a coordinator, to be followed, steered and read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from foldwise import artifact, events, frames, page
from foldwise.connection import SUBMIT_S, Connection
from foldwise.errors import DeadlineError, FoldwiseError, StudyError
from foldwise.events import Event, StudyChanged
from foldwise.progress import progress as shown_progress
from foldwise.report import Report
from foldwise.spec import SpecFormat, SpecLike, SpecText
from foldwise.status import Run, Status
from foldwise.v1 import study_pb2

if TYPE_CHECKING:
    import pandas
    from google.protobuf.message import Message

# A report larger than this is none that a notebook can show.
REPORT_BYTES_MAX = 2 << 30
# Runs in one page.
RUNS_PER_PAGE = 10_000
# What a notebook waits for a fresh look before it shows the last one.
_GLANCE_S = 2.0


class Study:
    """A handle on one study. It holds no results: every method asks the coordinator."""

    def __init__(self, connection: Connection, status: Status) -> None:
        self._connection, self._last = connection, status

    @property
    def name(self) -> str:
        """`studies/{number}`."""
        return self._last.name

    @property
    def display_name(self) -> str:
        """The spec's name."""
        return self._last.display_name

    def status(self) -> Status:
        """How it stands now."""
        return self._ask("GetStudy", study_pb2.GetStudyRequest(name=self.name), "look the study up")

    def wait(self, timeout: float | None = None, *, progress: bool = True, check: bool = True) -> Status:
        """Waits until it is over, and shows how it goes; how it ended.

        A coordinator that restarts is waited for. After `timeout` seconds this raises `DeadlineError`; a study that
        fails or is cancelled raises `StudyError` unless `check` is false. Ctrl-C ends the waiting, not the study.
        """
        screen = shown_progress(progress)
        try:
            for event in events.follow(
                self._connection,
                self.name,
                timeout_s=timeout,
                lost=lambda error: screen.say(f"{error.what}: {error.why}; trying again"),
            ):
                if isinstance(event, StudyChanged):
                    self._last = event.status
                    screen.show(event.status)
        except KeyboardInterrupt:
            # What was under way in the libraries below says nothing to a person.
            raise KeyboardInterrupt(f"{self.name} goes on: wait() follows it again, cancel() ends it") from None
        except DeadlineError:
            what = f"{self.name} has not ended within {timeout or 0:g} s"
            remedy = "it goes on: wait() follows it again, cancel() ends it"
            raise DeadlineError(what, self._last.sentence() or self._last.state, remedy) from None
        finally:
            screen.close()
        if check:
            self._judge()
        return self._last

    def events(self) -> Iterator[Event]:
        """What happens to it from now until it is over, through restarts of the coordinator."""
        for event in events.follow(self._connection, self.name):
            if isinstance(event, StudyChanged):
                self._last = event.status
            yield event

    def pause(self) -> Status:
        """Hands out no more runs; workers keep checkpoints and hand back what they have."""
        return self._ask("PauseStudy", study_pb2.PauseStudyRequest(name=self.name), "pause the study")

    def resume(self) -> Status:
        """Goes on with it after a pause."""
        return self._ask("ResumeStudy", study_pb2.ResumeStudyRequest(name=self.name), "resume the study")

    def cancel(self) -> Status:
        """Ends it early. Finished runs are kept."""
        return self._ask("CancelStudy", study_pb2.CancelStudyRequest(name=self.name), "cancel the study")

    def retry(self) -> Status:
        """Tries failed and cancelled runs again; what is finished is kept."""
        return self._ask("RetryStudy", study_pb2.RetryStudyRequest(name=self.name), "retry the study's failed runs")

    def priority(self, value: int) -> Status:
        """Gives it another priority, from -1000 to 1000: where slots are short, the highest comes first."""
        what, bound = "could not give the study a priority", 2**31
        if not -bound <= value < bound:
            raise FoldwiseError(what, "a priority is a whole number from -1000 to 1000")
        request = study_pb2.PrioritizeStudyRequest(name=self.name, priority=value)
        return self._ask("PrioritizeStudy", request, what.removeprefix("could not "))

    def extend(self, spec: SpecLike, *, format: SpecFormat | None = None) -> Status:  # noqa: A002 (the word of the protocol)
        """Adds values or repeats: the whole new spec. Runs that are done are kept."""
        text = SpecText.read(spec, format)
        # With the files that it was submitted with.
        request = study_pb2.ExtendStudyRequest(name=self.name, spec=text.text, format=text.proto_format())
        return self._ask("ExtendStudy", request, "extend the study", timeout_s=SUBMIT_S, placed=text.placed)

    def delete(self) -> None:
        """Forgets it, its results and its files. It must be over."""
        request = study_pb2.DeleteStudyRequest(name=self.name)
        self._connection.call("DeleteStudy", request, study_pb2.DeleteStudyResponse, "delete the study")

    def runs(self, *, troubled: bool = False) -> list[Run]:
        """Its runs in order of trial and fold; with `troubled` those that failed or whose last attempt did."""
        found: list[Run] = []
        token = ""
        while True:
            request = study_pb2.ListRunsRequest(
                parent=self.name, page_size=RUNS_PER_PAGE, page_token=token, troubled=troubled
            )
            answer = self._connection.call("ListRuns", request, study_pb2.ListRunsResponse, "list the study's runs")
            found += map(Run.of, answer.runs)
            token = answer.next_page_token
            if not token:
                return found

    def report(self) -> Report:
        """Its report as it is now: what is not known yet is `None`."""
        attempt, text = "get the study's report", bytearray()
        request = study_pb2.GetReportRequest(name=self.name, form=study_pb2.REPORT_FORM_JSON)
        for chunk in self._connection.stream("GetReport", request, study_pb2.Chunk, attempt):
            text += chunk.data
            if len(text) > REPORT_BYTES_MAX:
                why = f"it has more than {REPORT_BYTES_MAX} bytes"
                raise FoldwiseError(f"could not {attempt}", why, "use `foldwise report --section … --format csv`")
        return Report.from_json(bytes(text))

    def trials(self) -> pandas.DataFrame:
        """A line per trial: searched values, statistics, comparison with the winner. Needs pandas."""
        return frames.trials(self.report())

    def folds(self) -> pandas.DataFrame:
        """A line per trial and fold. Needs pandas."""
        return frames.folds(self.report())

    def epochs(self) -> pandas.DataFrame:
        """A line per trial, fold and epoch. Needs pandas."""
        return frames.epochs(self.report())

    def weights(self, path: str | os.PathLike[str]) -> Path:
        """Saves the final model's weights as safetensors, whole and checked; where they lie."""
        final = self.report().final
        if final is None or final.weights_digest is None:
            why = "it has no final model" if self._last.is_over else "its final model is not trained yet"
            remedy = "" if self._last.is_over else "wait() until it is over"
            raise FoldwiseError(f"there are no weights of {self.name}", why, remedy)
        return artifact.save(self._connection, final.weights_digest, path)

    def _ask(
        self,
        method: str,
        request: Message,
        attempt: str,
        *,
        timeout_s: float | None = None,
        placed: bool = True,
    ) -> Status:
        answer = self._connection.call(method, request, study_pb2.Study, attempt, timeout_s=timeout_s, placed=placed)
        self._last = Status.of(answer)
        return self._last

    def _judge(self) -> None:
        status = self._last
        if status.state not in ("failed", "cancelled"):
            return
        why = "" if status.message == status.state else status.message
        if status.state == "failed":
            how, first = "failed", "runs(troubled=True) says what failed; "
        else:
            how, first = "was cancelled", ""
        remedy = f"{first}retry() tries again, report() has what was finished"
        what = f"{status.display_name} ({status.name}) {how}"
        raise StudyError(what, why, remedy, name=status.name, state=status.state)

    def __repr__(self) -> str:
        return f"<Study {self.name} '{self.display_name}': {self._last.state}>"

    def _repr_html_(self) -> str:
        note = ""
        try:
            request = study_pb2.GetStudyRequest(name=self.name)
            self._ask("GetStudy", request, "look the study up", timeout_s=_GLANCE_S)
        except FoldwiseError as error:
            note = page.note(f"as it was last known: {error.what}: {error.why}")
        return self._last._repr_html_() + note

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Study) and (self.name, self._url) == (other.name, other._url)

    def __hash__(self) -> int:
        return hash((self.name, self._url))

    @property
    def _url(self) -> str:
        return self._connection.url


class Studies(list[Study]):
    """Studies, with a table for notebooks."""

    def _repr_html_(self) -> str:
        lines = [study._last for study in self]
        rows = [
            (
                line.name,
                line.display_name,
                line.state,
                f"{line.runs.over:,}/{line.runs.total:,}",
                line.sentence(),
            )
            for line in lines
        ]
        return page.table(("study", "name", "state", "runs", ""), rows)
