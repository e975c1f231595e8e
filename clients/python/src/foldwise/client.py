"""A coordinator: studies in, handles out."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from types import TracebackType

from foldwise import artifact, parcel
from foldwise.connection import CALL_S, SUBMIT_S, Connection
from foldwise.credentials import Credentials, Pathish
from foldwise.spec import SpecFormat, SpecLike, SpecText
from foldwise.status import Status, Worker, Workers
from foldwise.study import Studies, Study
from foldwise.v1 import study_pb2

# Studies in one page.
STUDIES_PER_PAGE = 1_000
# A study that failed or was cancelled is begun anew at most so many times, then handed back as it is.
TAKES_MAX = 100


class Client:
    """A connection to a coordinator; it fails at once if none answers.

    `address` is `host:port`, `http://host:port` or `https://host:port`; without one, `FOLDWISE_COORDINATOR` counts,
    then `http://127.0.0.1:7070`. Of several with commas between them, the one that leads is spoken to. `timeout` is
    what an ordinary call may take, in seconds.

    A protected coordinator is called with a token (`token`, or better `token_file`; else `FOLDWISE_TOKEN` or
    `FOLDWISE_TOKEN_FILE`) or a certificate (`cert` and `key`), and believed by its CA (`ca`, `FOLDWISE_CA`).
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        timeout: float = CALL_S,
        ca: Pathish | None = None,
        token: str | None = None,
        token_file: Pathish | None = None,
        cert: Pathish | None = None,
        key: Pathish | None = None,
    ) -> None:
        credentials = Credentials.read(ca=ca, token=token, token_file=token_file, cert=cert, key=key)
        self._connection = Connection(address, timeout, credentials)
        self._connection.greet()

    @property
    def url(self) -> str:
        """Where the coordinator is."""
        return self._connection.url

    def submit(
        self,
        spec: SpecLike,
        *,
        format: SpecFormat | None = None,  # noqa: A002 (the word of the protocol)
        request_id: str | None = None,
        anew: bool = False,
        upload: bool = True,
    ) -> Study:
        """Submits a study: a path to a study file, the text of one, or the same as a dictionary.

        The same spec again gives the same study, so that a notebook can be run again; one that failed or was cancelled
        is begun anew, and with `anew` every one is. `request_id` says yourself what is the same. `format` is `toml`,
        `yaml` or `json`, where a text does not show it. Files that `data` names and that are here are sent along,
        unless `upload` is false: then coordinator and workers read them at their paths. A wrong spec raises `SpecError`
        with all of its problems.
        """
        text = SpecText.read(spec, format)
        sent = parcel.send(self._connection, text) if upload else ""
        if request_id is not None or anew:
            return self._create(text, request_id or f"python-{uuid.uuid4().hex}", sent)
        for take in range(1, TAKES_MAX):
            study = self._create(text, text.request_id(take, sent), sent)
            if study._last.state not in ("failed", "cancelled"):
                return study
        return self._create(text, text.request_id(TAKES_MAX, sent), sent)

    def study(self, name: str) -> Study:
        """A study by its name, `studies/{number}`, or by the name in its spec if only one has it."""
        request = study_pb2.GetStudyRequest(name=name)
        answer = self._connection.call("GetStudy", request, study_pb2.Study, "look the study up")
        return Study(self._connection, Status.of(answer))

    def studies(self) -> Studies:
        """All studies, newest first."""
        found, token = Studies(), ""
        while True:
            request = study_pb2.ListStudiesRequest(page_size=STUDIES_PER_PAGE, page_token=token)
            answer = self._connection.call("ListStudies", request, study_pb2.ListStudiesResponse, "list the studies")
            found += [Study(self._connection, Status.of(study)) for study in answer.studies]
            token = answer.next_page_token
            if not token:
                return found

    def workers(self) -> Workers:
        """The workers that are known since the coordinator started."""
        request, attempt = study_pb2.ListWorkersRequest(), "list the workers"
        answer = self._connection.call("ListWorkers", request, study_pb2.ListWorkersResponse, attempt)
        return Workers(map(Worker.of, answer.workers))

    def drain(self, worker: str) -> Worker:
        """Tells a worker to keep checkpoints, hand back what it has and end."""
        request = study_pb2.DrainWorkerRequest(worker=worker)
        return Worker.of(self._connection.call("DrainWorker", request, study_pb2.Worker, "drain the worker"))

    def artifact(self, digest: str, path: str | os.PathLike[str]) -> Path:
        """Saves a kept file, whole and checked against its BLAKE3 digest; where it lies."""
        return artifact.save(self._connection, digest, path)

    def close(self) -> None:
        """Ends the connection. Studies go on."""
        self._connection.close()

    def _create(self, text: SpecText, request_id: str, sent: str) -> Study:
        request = study_pb2.CreateStudyRequest(
            request_id=request_id, spec=text.text, format=text.proto_format(), parcel=sent
        )
        attempt = "submit the study"
        answer = self._connection.call(
            "CreateStudy", request, study_pb2.Study, attempt, timeout_s=SUBMIT_S, placed=text.placed
        )
        return Study(self._connection, Status.of(answer))

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self.url}>"


def connect(
    address: str | None = None,
    *,
    timeout: float = CALL_S,
    ca: Pathish | None = None,
    token: str | None = None,
    token_file: Pathish | None = None,
    cert: Pathish | None = None,
    key: Pathish | None = None,
) -> Client:
    """Connects to a coordinator; see `Client`."""
    return Client(address, timeout=timeout, ca=ca, token=token, token_file=token_file, cert=cert, key=key)
