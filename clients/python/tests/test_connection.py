"""Who answers, and who does not."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cluster import PATIENCE_S, Cluster

import foldwise


@pytest.fixture
def silent() -> Iterator[str]:
    """Somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def web() -> Iterator[str]:
    """A server of pages."""

    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (its name there)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    "address", ["ftp://127.0.0.1:1", "http://", "unix:///x", "http://user:secret@127.0.0.1:1", "127.0.0.1:port"]
)
def test_addresses_that_cannot_be_meant_are_refused(address: str) -> None:
    with pytest.raises(foldwise.AddressError, match="cannot be used as a coordinator") as caught:
        foldwise.connect(address)
    assert "http://127.0.0.1:7070" in caught.value.remedy


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(foldwise.UnreachableError) as caught:
        foldwise.connect(address)
    assert str(caught.value).startswith(f"no coordinator answers at http://{address}: Connection refused")
    assert "foldwise coordinator" in caught.value.remedy
    assert isinstance(caught.value, ConnectionError)


def test_of_several_coordinators_the_one_that_answers_is_found(cluster: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        away = f"127.0.0.1:{listener.getsockname()[1]}"
    with foldwise.connect(f"{away}, {cluster.address}") as client:
        assert client.url == f"http://{cluster.address}"
        assert client.studies() == []
    with pytest.raises(foldwise.UnreachableError):
        foldwise.connect(f"{away},{away}")


def test_somebody_else_listens(silent: str, web: str) -> None:
    with pytest.raises(foldwise.UnreachableError, match="says nothing"):
        foldwise.connect(silent, timeout=0.5)
    with pytest.raises(foldwise.UnreachableError, match="speaks no gRPC"):
        foldwise.connect(web)


def test_a_name_that_no_machine_has() -> None:
    with pytest.raises(foldwise.UnreachableError, match="that of no machine"):
        foldwise.connect("nobody.invalid:7070", timeout=5)


def test_the_environment_names_the_coordinator(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLDWISE_COORDINATOR", cluster.address)
    with foldwise.Client() as client:
        assert client.url == f"http://{cluster.address}"
        assert len(client.workers()) == 1


def test_a_proxy_for_pages_is_none_for_coordinators(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with cluster.client() as client:
        assert client.workers()[0].alive


def test_a_closed_client_says_so(cluster: Cluster) -> None:
    with cluster.client() as client:
        pass
    with pytest.raises(foldwise.FoldwiseError, match="this client was closed"):
        client.studies()


def test_every_call_has_its_time(lonely: Cluster) -> None:
    with pytest.raises(foldwise.FoldwiseError, match="leaves no time"):
        foldwise.connect(lonely.address, timeout=0)
    with foldwise.connect(lonely.address, timeout=0.5) as client:
        lonely.coordinator.freeze()
        with pytest.raises(foldwise.DeadlineError, match="did not answer in time") as caught:
            client.studies()
        assert "Client(timeout=" in caught.value.remedy
        lonely.coordinator.thaw()
        assert client.studies() == []


def test_a_coordinator_that_went_away(lonely: Cluster) -> None:
    with lonely.client() as client:
        lonely.coordinator.kill()
        with pytest.raises(foldwise.UnreachableError, match="no coordinator answers"):
            client.studies()
        lonely.start()
        # The line is tried anew within two seconds.
        assert _answers(client)


def _answers(client: foldwise.Client) -> bool:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with contextlib.suppress(foldwise.UnavailableError):
            return client.studies() == []
    return False
