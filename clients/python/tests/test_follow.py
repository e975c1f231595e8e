"""Following a study, and steering it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cluster import PATIENCE_S, SMALL, Cluster, longer

import foldwise
from foldwise.events import EpochTrained, RunChanged, StudyChanged

# Time after which a person presses Ctrl-C again, in seconds.
AGAIN_S = 10


def test_a_wait_shows_how_it_goes(client: foldwise.Client, capsys: pytest.CaptureFixture[str]) -> None:
    status = client.submit(SMALL).wait(timeout=PATIENCE_S)
    assert (status.state, status.runs.finished, status.runs.total) == ("succeeded", 12, 12)
    assert status.is_over
    assert status.created is not None
    assert status.ended is not None
    assert status.ended > status.created
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("small ━━━━━━━━━━━━━━━━━━━━━━━━ 12/12 runs  succeeded, best trial")


def test_a_wait_that_is_to_be_quiet_is(client: foldwise.Client, capsys: pytest.CaptureFixture[str]) -> None:
    client.submit(SMALL).wait(progress=False, timeout=PATIENCE_S)
    assert capsys.readouterr() == ("", "")


def test_a_wait_ends_in_time(lonely: Cluster) -> None:
    with lonely.client() as client:
        study = client.submit(SMALL)
        with pytest.raises(foldwise.DeadlineError) as caught:
            study.wait(timeout=0.5, progress=False)
    expected = "studies/1 has not ended within 0.5 s: waiting for a worker\n  → it goes on: wait() follows it again"
    assert str(caught.value).startswith(expected)
    assert isinstance(caught.value, TimeoutError)


def test_a_wait_survives_the_coordinator(lonely: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    lonely.worker()
    with lonely.client() as client:
        study = client.submit(longer("restarted"))
        ended: list[foldwise.Status] = []
        waiting = threading.Thread(target=lambda: ended.append(study.wait(timeout=PATIENCE_S)))
        watched = study.events()
        next(event for event in watched if isinstance(event, EpochTrained))
        waiting.start()
        next(event for event in watched if isinstance(event, RunChanged) and event.run.state == "finished")
        lonely.coordinator.kill()
        lonely.start()
        waiting.join(PATIENCE_S)
        assert [status.state for status in ended] == ["succeeded"]
        assert ended[0].runs.finished == 18
    said = capsys.readouterr().err
    assert said.count("no coordinator answers at") == 1
    assert "; trying again" in said


def test_events_are_handed_out_until_the_end(lonely: Cluster) -> None:
    with lonely.client() as client:
        # Long enough that a worker tells of epochs before their run has ended.
        told = client.submit(SMALL.replace("epochs = 4", "epochs = 400")).events()
        events = [next(told)]
        lonely.worker()
        events += told
    assert isinstance(events[0], StudyChanged)
    assert isinstance(events[-1], StudyChanged)
    assert events[-1].status.state == "succeeded"
    finished = {
        (event.run.trial, event.run.fold)
        for event in events
        if isinstance(event, RunChanged) and event.run.state == "finished"
    }
    assert finished == {(trial, fold) for trial in range(4) for fold in range(3)}
    epochs = [event for event in events if isinstance(event, EpochTrained)]
    told_of = [(event.trial, event.fold, event.epoch.epoch) for event in epochs]
    assert told_of
    assert len(set(told_of)) == len(told_of), "no epoch is told twice"
    assert {epoch for _, _, epoch in told_of} <= {*range(1, 401)}


def test_events_go_on_where_the_coordinator_restarts(lonely: Cluster) -> None:
    lonely.worker()
    with lonely.client() as client:
        events = client.submit(longer("again")).events()
        next(event for event in events if isinstance(event, EpochTrained))
        lonely.coordinator.kill()
        lonely.start()
        last = list(events)[-1]
        assert isinstance(last, StudyChanged)
        assert last.status.runs.finished == 18


def interrupted(process: subprocess.Popen[str]) -> str:
    """What a process says that is interrupted, as by a person who presses Ctrl-C again when nothing happens.

    Python drops an interrupt that comes while it runs a finalizer.
    """
    for _ in range(int(PATIENCE_S / AGAIN_S)):
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=AGAIN_S)[1]
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("the process does not end")


def test_an_interrupted_wait_says_that_the_study_goes_on(lonely: Cluster) -> None:
    with lonely.client() as client:
        study = client.submit(SMALL)
        script = f"import foldwise; study = foldwise.connect('{lonely.address}').study('{study.name}')\nstudy.wait()"
        waiting = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
        assert waiting.stderr is not None
        assert "0/12 runs  waiting for a worker" in waiting.stderr.readline()
        said = interrupted(waiting)
        assert (
            said.splitlines()[-1] == "KeyboardInterrupt: studies/1 goes on: wait() follows it again, cancel() ends it"
        )
        assert "grpc" not in said
        assert study.status().state == "searching"


def test_a_study_is_steered(lonely: Cluster, tmp_path: Path) -> None:
    with lonely.client() as client:
        study = client.submit(SMALL)
        assert study.pause().state == "paused"
        assert study.resume().state == "searching"
        assert study.priority(5).priority == 5
        with pytest.raises(foldwise.RefusedError, match="from -1000 to 1000"):
            study.priority(1001)
        with pytest.raises(foldwise.FoldwiseError, match="from -1000 to 1000"):
            study.priority(2**40)
        with pytest.raises(foldwise.RefusedError, match="is not over"):
            study.delete()
        assert study.cancel().state == "cancelled"
        with pytest.raises(foldwise.StudyError, match="was cancelled") as caught:
            study.wait(progress=False)
        assert (caught.value.name, caught.value.state) == (study.name, "cancelled")
        assert study.wait(progress=False, check=False).state == "cancelled"
        assert {run.state for run in study.runs()} == {"cancelled"}
        with pytest.raises(foldwise.FoldwiseError, match="it has no final model"):
            study.weights(tmp_path / "x")

        again = client.submit(SMALL)
        assert again != study, "one that was cancelled is begun anew"
        assert study.retry().state == "searching"
        lonely.worker()
        assert study.wait(progress=False, timeout=PATIENCE_S).state == "succeeded"
        larger = study.extend(SMALL.replace("[0.03, 0.01]", "[0.03, 0.01, 0.02]"))
        assert (larger.trials, larger.extensions) == (6, 1)
        assert study.wait(progress=False, timeout=PATIENCE_S).runs.finished == 18
        with pytest.raises(foldwise.SpecError):
            study.extend(SMALL.replace("seed = 7", "seed = 8"))
        again.wait(progress=False, timeout=PATIENCE_S)
        study.delete()
        with pytest.raises(foldwise.NotFoundError):
            study.status()
        assert client.studies() == [again]


def test_a_study_that_fails_says_why(client: foldwise.Client) -> None:
    wild = longer("wild").replace('kind = "adam"', 'kind = "sgd"').replace("[0.03, 0.02, 0.01]", "[1e6]")
    study = client.submit(wild)
    with pytest.raises(foldwise.StudyError) as caught:
        study.wait(progress=False, timeout=PATIENCE_S)
    assert "failed" in caught.value.what
    assert "runs(troubled=True)" in caught.value.remedy
    assert all(run.error for run in study.runs(troubled=True))
    assert study.runs(troubled=True)


def test_studies_are_found_by_either_name(client: foldwise.Client) -> None:
    study = client.submit(longer("found", epochs=1))
    assert client.study("found") == client.study(study.name) == study
    assert study in client.studies()
    assert len({client.study("found"), study}) == 1
    with pytest.raises(foldwise.NotFoundError, match="there is no study `nowhere`"):
        client.study("nowhere")


def test_workers_are_listed_and_drained(lonely: Cluster) -> None:
    worker = lonely.worker(slots=2)
    with lonely.client() as client:
        (known,) = client.workers()
        assert (known.alive, len(known.slots), known.slots[0].device) == (True, 2, "cpu")
        assert client.drain(known.id).draining
        assert worker.process.wait(PATIENCE_S) == 0
        with pytest.raises(foldwise.NotFoundError, match="there is no worker `nobody`"):
            client.drain("nobody")
