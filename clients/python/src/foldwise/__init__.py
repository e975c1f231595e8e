"""Foldwise from Python: submit K-fold hyperparameter searches, follow them, and read their reports.

import foldwise

client = foldwise.connect("127.0.0.1:7070")
study = client.submit("study.toml")
study.wait()
study.trials()                      # a pandas DataFrame
"""

from foldwise.client import Client, connect
from foldwise.errors import (
    AddressError,
    DamagedError,
    DeadlineError,
    FoldwiseError,
    MissingPackageError,
    NotFoundError,
    Problem,
    RefusedError,
    SpecError,
    StudyError,
    UnavailableError,
    UnreachableError,
)
from foldwise.events import EpochTrained, Event, RunChanged, StudyChanged
from foldwise.report import Report
from foldwise.status import Run, RunCounts, Slot, Status, Worker
from foldwise.study import Study

__all__ = [
    "AddressError",
    "Client",
    "DamagedError",
    "DeadlineError",
    "EpochTrained",
    "Event",
    "FoldwiseError",
    "MissingPackageError",
    "NotFoundError",
    "Problem",
    "RefusedError",
    "Report",
    "Run",
    "RunChanged",
    "RunCounts",
    "Slot",
    "SpecError",
    "Status",
    "Study",
    "StudyChanged",
    "StudyError",
    "UnavailableError",
    "UnreachableError",
    "Worker",
    "connect",
]
