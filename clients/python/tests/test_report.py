"""Reports and frames against what the command line says of the same study."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import blake3
import pandas as pd
import pytest
from cluster import SMALL, Cluster

import foldwise
from foldwise import frames
from foldwise.measurements import Picture
from foldwise.report import Report

MEASURED = """
[measure]
predictions = ["validation", "test"]
gradients = "step"
weights = true
training = true
resources = true
snapshots = { every = 1 }
"""


def test_the_report_is_that_of_the_command_line(cluster: Cluster, done: foldwise.Study) -> None:
    raw = json.loads(cluster.foldwise("report", done.name, "--format", "json"))
    report = done.report()
    assert report.raw == raw
    assert shown(report) == {**raw, "raw": raw}
    assert report.winner is not None
    assert report.winner.mean == max(trial.mean for trial in report.trials if trial.mean is not None)
    assert report.ranked()[0] == report.winner


def test_every_measurement_is_read(client: foldwise.Client) -> None:
    study = client.submit(SMALL + MEASURED)
    study.wait(progress=False, timeout=120)
    report = study.report()
    assert shown(report) == {**report.raw, "raw": report.raw}
    measured = report.trials[0].folds[0].measurements
    assert measured is not None
    assert measured.steps is not None
    assert len(measured.steps.losses) == 4 * measured.steps.per_epoch
    assert report.components[0].points


def test_outer_folds_are_read(client: foldwise.Client) -> None:
    spec = SMALL.replace("k_fold = { folds = 3", "outer = { k_fold = { folds = 2 } }\nk_fold = { folds = 3")
    assert spec != SMALL
    study = client.submit(spec)
    study.wait(progress=False, timeout=120)
    report = study.report()
    assert shown(report) == {**report.raw, "raw": report.raw}
    assert report.nested is not None
    scores = [outer.score for outer in report.nested.outer]
    assert report.nested.mean == pytest.approx(sum(score for score in scores if score is not None) / 2)


def test_pictures_of_wrong_rows_are_bytes() -> None:
    of = Picture(width=2, height=1, channels=3, pixels="AAECAwQF")
    assert of.data == bytes(range(6))
    for pixels, why in [("AAEC", "has 3 bytes for 2 by 1 pixels with 3 channels"), ("AAEC!", "no base64")]:
        with pytest.raises(foldwise.DamagedError, match=why):
            _ = dataclasses.replace(of, pixels=pixels).data


def shown(value: Any) -> Any:
    """A dataclass as the JSON that it was read from: what is `None` is absent, and so is an empty list that was."""
    if isinstance(value, list):
        return [shown(one) for one in value]
    if not dataclasses.is_dataclass(value):
        return value
    pairs = ((field.name, shown(getattr(value, field.name))) for field in dataclasses.fields(value))
    optional = {
        "layers",
        "epochs",
        "predictions",
        "losses",
        "gradient_norms",
        "layer_gradient_norms",
        "layer_weight_norms",
    }
    measured = type(value).__module__ == "foldwise.measurements"
    return {name: one for name, one in pairs if one is not None and not (measured and one == [] and name in optional)}


def test_folds_are_the_csv(cluster: Cluster, done: foldwise.Study) -> None:
    lines = list(csv.DictReader(io.StringIO(cluster.foldwise("report", done.name, "--format", "csv"))))
    folds = done.folds()
    assert [*folds.columns.drop("worker")] == [*lines[0]]
    assert len(folds) == len(lines) == 12
    for line, (_, row) in zip(lines, folds.iterrows(), strict=True):
        for name, text in line.items():
            value = row[name]
            assert (pd.isna(value) and not text) or str(value) == text or float(text) == value, (name, text, value)


def test_trials_and_epochs_are_tidy(done: foldwise.Study) -> None:
    report, trials, epochs = done.report(), done.trials(), done.epochs()
    assert [*trials["mean"]] == [trial.mean for trial in report.trials]
    assert [*trials.loc[trials["winner"], "trial"]] == [report.selection.winner]
    assert [*trials["network.mlp.hidden"]] == ["[8]", "[16,8]"] * 2
    assert trials["train.optimizer.lr"].dtype == "float64"
    assert pd.isna(trials.loc[trials["winner"], "p"]).all()
    assert len(epochs) == 4 * 3 * 4
    assert [*epochs.columns[:2]] == ["trial", "fold"]
    assert epochs["epoch"].max() == 4
    best = epochs.groupby(["trial", "fold"])["val_accuracy"].max().groupby("trial").mean()
    assert best.to_numpy(dtype=float) == pytest.approx(trials["mean"].to_numpy(dtype=float))


def test_frames_of_a_study_that_waits(lonely: Cluster) -> None:
    with lonely.client() as client:
        study = client.submit(SMALL)
        assert study.trials()["mean"].isna().all()
        assert [*study.folds()["state"].unique()] == ["queued"]
        assert study.epochs().empty
        assert [*study.epochs().columns][-1] == "lr"
        assert study.report().winner is None
        with pytest.raises(foldwise.FoldwiseError, match="not trained yet"):
            study.weights("w.safetensors")


def test_without_pandas_the_remedy_is_named(done: foldwise.Study, cluster: Cluster) -> None:
    script = (
        "import sys; sys.modules['pandas'] = sys.modules['numpy'] = None\n"
        f"import foldwise; study = foldwise.connect('{cluster.address}').study('{done.name}')\n"
        "print(study.report().winner.index)\n"
        "study.trials()"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout.strip() == str(done.report().selection.winner)
    assert "cannot make a DataFrame: pandas is not installed\n  → pip install 'foldwise[pandas]'" in ended.stderr


def test_weights_are_saved_whole_and_checked(done: foldwise.Study, client: foldwise.Client, tmp_path: Path) -> None:
    path = done.weights(tmp_path / "model.safetensors")
    final = done.report().final
    assert final is not None
    assert final.weights_digest == blake3.blake3(path.read_bytes()).hexdigest()
    again = client.artifact(final.weights_digest.upper(), str(path))
    assert again == path
    assert [*tmp_path.iterdir()] == [path], "nothing is left beside it"
    assert path.stat().st_mode & 0o600 == 0o600


def test_what_cannot_be_saved_leaves_nothing(done: foldwise.Study, client: foldwise.Client, tmp_path: Path) -> None:
    for digest, why in [("00", "64 hexadecimal digits"), ("0" * 64, "there is no artifact")]:
        with pytest.raises(foldwise.FoldwiseError, match=why):
            client.artifact(digest, tmp_path / "x")
    with pytest.raises(foldwise.FoldwiseError, match="it is a folder"):
        done.weights(tmp_path)
    with pytest.raises(foldwise.FoldwiseError, match="No such file or directory"):
        done.weights(tmp_path / "nowhere" / "x")
    assert [*tmp_path.iterdir()] == []


def test_a_damaged_file_is_not_kept(lonely: Cluster, tmp_path: Path) -> None:
    with lonely.client() as client:
        lonely.worker()
        study = client.submit(SMALL)
        study.wait(progress=False, timeout=120)
        final = study.report().final
        assert final is not None
        assert final.weights_digest is not None
        kept = find(lonely.folder / "state", final.weights_digest)
        kept.chmod(0o600)
        kept.write_bytes(kept.read_bytes()[:-1] + b"?")
        target = tmp_path / "damaged.safetensors"
        with pytest.raises(foldwise.FoldwiseError):
            study.weights(target)
        assert not target.exists()


def find(folder: Path, digest: str) -> Path:
    """The kept file of a digest."""
    return next(path for path in folder.rglob("*") if path.is_file() and path.name and digest.endswith(path.name))


def test_a_report_of_another_version_says_so() -> None:
    with pytest.raises(foldwise.DamagedError, match="its version is 2, not 1"):
        Report.from_json('{"version": 2}')
    with pytest.raises(foldwise.DamagedError, match="it is no JSON"):
        Report.from_json("<html>")
    with pytest.raises(foldwise.DamagedError, match=re.escape("report.study is not there, but absent")):
        Report.from_json('{"version": 1}')


def test_what_a_newer_coordinator_adds_is_kept_raw(done: foldwise.Study) -> None:
    raw = {**done.report().raw, "novelty": 1}
    report = Report.from_json(json.dumps(raw))
    assert report.raw["novelty"] == 1
    pd.testing.assert_frame_equal(frames.trials(report), done.trials())
    with pytest.raises(foldwise.DamagedError, match=re.escape("report.trials[0].index is not int, but 'x'")):
        Report.from_json(json.dumps({**raw, "trials": [{"index": "x"}]}))


def test_notebooks_are_shown_escaped_tables(done: foldwise.Study, client: foldwise.Client) -> None:
    assert repr(done) == f"<Study {done.name} 'small': succeeded>"
    for one in (done, done.status(), done.report(), client.studies(), client.workers()):
        html = one._repr_html_()
        assert html.startswith("<table>")
        assert "<b>" not in html
    assert "&lt;b&gt;" in client.workers()._repr_html_(), "a worker may be called so"
    assert "[16,8]" in done.report()._repr_html_()
