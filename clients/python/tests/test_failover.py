"""Two coordinators on one database: a program goes on with the one that leads."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster import Cluster, longer
from postgres import database, programs

import foldwise
from foldwise.events import EpochTrained, StudyChanged


def test_a_program_goes_on_with_the_coordinator_that_takes_over(tmp_path: Path) -> None:
    place = programs()
    if place is None:
        pytest.skip("PostgreSQL's server is not installed")
    with database(place) as store:
        options = ["--store", store, "--artifacts", str(tmp_path / "files")]
        folders = [tmp_path / "first", tmp_path / "second"]
        for folder in folders:
            folder.mkdir()
        first = Cluster(folders[0], options)
        first.coordinator.line_with("leading, for term 1")
        second = Cluster(folders[1], options)
        try:
            second.coordinator.line_with("standing by")
            with foldwise.connect(f"{second.address},{first.address}") as client:
                study = client.submit(longer("outlasts"))
                second.worker(beside=first)
                events = study.events()
                next(event for event in events if isinstance(event, EpochTrained))
                first.coordinator.kill()
                second.coordinator.line_with("leading, for term 2")
                last = list(events)[-1]
                assert isinstance(last, StudyChanged)
                assert last.status.runs.finished == 18
                assert study.report().winner is not None
        finally:
            first.close()
            second.close()
