"""Coordinators with TLS that want to know who calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import SMALL, Cluster, foldwise_alone

import foldwise
from foldwise.credentials import Credentials

# Not one of any coordinator.
SECRET = "fw_0123_4567"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A coordinator with certificates of a CA of its own."""
    folder = tmp_path_factory.mktemp("guarded")
    foldwise_alone(folder, "certs", "init")
    foldwise_alone(folder, "certs", "issue", "server", "den.example", "--host", "127.0.0.1")
    foldwise_alone(folder, "certs", "issue", "read", "ann")
    cert, key, ca = (str(folder / "certs" / name) for name in ("den.example.crt", "den.example.key", "ca.crt"))
    cluster = Cluster(folder, ["--tls-cert", cert, "--tls-key", key, "--client-ca", ca], "127.0.0.1")
    yield cluster
    cluster.close()


def _ca(guarded: Cluster) -> Path:
    return guarded.folder / "certs" / "ca.crt"


def _token(guarded: Cluster) -> Path:
    return guarded.folder / "state" / "admin-token"


def test_a_token_and_the_ca_are_enough(guarded: Cluster) -> None:
    with foldwise.connect(guarded.address, ca=_ca(guarded), token_file=_token(guarded)) as client:
        assert client.url == f"https://{guarded.address}"
        assert client.submit(SMALL).name == "studies/1"
    secret = _token(guarded).read_text().strip()
    with foldwise.connect(f"https://{guarded.address}", ca=_ca(guarded), token=secret) as client:
        assert len(client.studies()) == 1


def test_the_environment_names_them_too(guarded: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLDWISE_COORDINATOR", guarded.address)
    monkeypatch.setenv("FOLDWISE_CA", str(_ca(guarded)))
    monkeypatch.setenv("FOLDWISE_TOKEN", _token(guarded).read_text())
    with foldwise.Client() as client:
        client.workers()


def test_a_certificate_says_who_calls(guarded: Cluster) -> None:
    cert, key = (guarded.folder / "certs" / name for name in ("ann.crt", "ann.key"))
    with foldwise.connect(guarded.address, ca=_ca(guarded), cert=cert, key=key) as client:
        client.studies()
        with pytest.raises(foldwise.RefusedError, match=r"ann \(read\) may not do this"):
            client.submit(SMALL, anew=True)
    with pytest.raises(foldwise.FoldwiseError, match="belong together"):
        foldwise.connect(guarded.address, ca=_ca(guarded), cert=cert)


def test_strangers_are_told_what_to_show(guarded: Cluster) -> None:
    with pytest.raises(foldwise.RefusedError, match="say who calls") as caught:
        foldwise.connect(guarded.address, ca=_ca(guarded))
    assert "token_file=" in caught.value.remedy


def test_a_ca_that_is_not_trusted_is_the_reason(guarded: Cluster) -> None:
    with pytest.raises(foldwise.UnreachableError, match="CA that is not trusted here"):
        foldwise.connect(f"https://{guarded.address}")


def test_a_token_is_neither_shown_nor_sent_in_clear() -> None:
    credentials = Credentials.read(ca=None, token=SECRET, token_file=None, cert=None, key=None)
    assert SECRET not in repr(credentials)
    with pytest.raises(foldwise.FoldwiseError, match="in clear") as caught:
        foldwise.connect("http://192.0.2.1:7070", token=SECRET)
    assert SECRET not in str(caught.value)
    with pytest.raises(foldwise.FoldwiseError, match="holds no token"):
        foldwise.connect("http://127.0.0.1:7070", token=f"{SECRET} {SECRET}")
