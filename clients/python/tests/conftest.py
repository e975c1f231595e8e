"""Clusters for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import SMALL, Cluster

import foldwise


@pytest.fixture(autouse=True)
def _no_coordinator_of_the_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOLDWISE_COORDINATOR", raising=False)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A coordinator with one worker of one slot, shared by the tests of a file."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.worker()
        yield made
    finally:
        made.close()


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[Cluster]:
    """A coordinator of the test's own, without a worker."""
    made = Cluster(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def client(cluster: Cluster) -> Iterator[foldwise.Client]:
    """A client of the shared coordinator."""
    with cluster.client() as made:
        yield made


@pytest.fixture
def done(client: foldwise.Client) -> foldwise.Study:
    """The small study, over."""
    study = client.submit(SMALL)
    study.wait(progress=False, timeout=120)
    return study
