"""Specs in all their forms, and what is wrong with them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy
import pytest
from cluster import SMALL, Cluster

import foldwise
from foldwise.spec import SpecText

WRONG = SMALL.replace("seed = 7", 'seed = "x"').replace("epochs = 4", "epochs = 0").replace("folds = 3", "foldz = 3")


def test_every_problem_comes_at_once_with_its_place(client: foldwise.Client) -> None:
    with pytest.raises(foldwise.SpecError) as caught:
        client.submit(WRONG)
    problems = caught.value.problems
    assert [(one.path, one.line) for one in problems] == [
        ("seed", 3),
        ("validation.k_fold", 10),
        ("validation.k_fold", 10),
        ("train.epochs", 14),
    ]
    assert problems[0].message == 'expected a whole number, found the text "x"'
    assert str(problems[3]) == "line 14, column 10: train.epochs: must be at least 1, is 0"
    assert str(caught.value).splitlines()[0] == "could not submit the study: the spec has 4 problems"
    assert len(str(caught.value).splitlines()) == 5
    assert isinstance(caught.value, ValueError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 (our own)
    assert client.studies() == []


def test_problems_of_a_dictionary_have_paths_alone(client: foldwise.Client) -> None:
    with pytest.raises(foldwise.SpecError) as caught:
        client.submit({"name": "d", "train": {"epochs": 0}})
    assert {one.line for one in caught.value.problems} == {None}
    assert "train.epochs: must be at least 1, is 0" in map(str, caught.value.problems)


def test_a_file_a_text_and_a_dictionary_make_the_same_study(cluster: Cluster, tmp_path: Path) -> None:
    with cluster.client() as client:
        text = client.submit(SMALL)
        path = tmp_path / "study.toml"
        path.write_text(SMALL)
        assert client.submit(path) == client.submit(str(path)) == client.submit(SMALL) == text
        text.wait(progress=False, timeout=120)
        spec = text.report().spec
        spec["space"]["train.optimizer.lr"] = numpy.array([0.03, 0.01])
        mapped = client.submit(spec)
        assert mapped != text
        assert mapped == client.submit(
            json.dumps({**spec, "space": {**spec["space"], "train.optimizer.lr": [0.03, 0.01]}}, ensure_ascii=False)
        )
        mapped.wait(progress=False, timeout=120)
        assert mapped.report().trials[0].params == text.report().trials[0].params
        assert [trial.mean for trial in mapped.report().trials] == [trial.mean for trial in text.report().trials]


def test_request_ids_say_what_is_the_same(client: foldwise.Client) -> None:
    first = client.submit(SMALL)
    assert client.submit(SMALL) == first
    assert client.submit(SMALL, anew=True) not in (first, client.submit(SMALL, anew=True))
    given = client.submit(SMALL, request_id="mine")
    assert client.submit(SMALL, request_id="mine") == given != first
    with pytest.raises(foldwise.RefusedError, match="was used for another spec"):
        client.submit(SMALL.replace("seed = 7", "seed = 8"), request_id="mine")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('# first\nname = "x"', "toml"),
        ("[data]\n", "toml"),
        ("name: x\nseed: 1", "yaml"),
        ("---\nname: x", "yaml"),
        ('{"name": "x"}', "json"),
        ("", "toml"),
    ],
)
def test_a_text_shows_how_it_is_written(text: str, written: str) -> None:
    assert SpecText.read(text).format == written


def test_files_that_are_not_there_or_unclear(tmp_path: Path) -> None:
    with pytest.raises(foldwise.FoldwiseError, match="there is no such file") as caught:
        SpecText.read("nowhere.toml")
    assert str(Path.cwd()) in caught.value.remedy
    with pytest.raises(foldwise.FoldwiseError, match="cannot tell how"):
        SpecText.read(tmp_path / "study.txt")
    (tmp_path / "lr=0.1.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(foldwise.FoldwiseError, match="no UTF-8 text"):
        SpecText.read(str(tmp_path / "lr=0.1.toml"))
    with pytest.raises(foldwise.FoldwiseError, match="directory"):
        SpecText.read(tmp_path, "toml")


def test_what_is_too_long_or_no_json_is_not_sent() -> None:
    with pytest.raises(foldwise.SpecError, match="more than 1048576 bytes"):
        SpecText.read("#\n" * (1 << 20))
    with pytest.raises(foldwise.SpecError, match="a value of type object has no place"):
        SpecText.read({"name": object()})
    with pytest.raises(foldwise.SpecError, match="not JSON compliant"):
        SpecText.read({"seed": float("nan")})


def test_files_are_sent_along_and_equal_ones_once(client: foldwise.Client, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = "".join(f"{n},{n % 7},{'ab'[n % 2]}\n" for n in range(120))
    table.write_text(f"x,y,kind\n{rows}")
    spec = {
        "name": "sent",
        "data": {"csv": {"train": table, "target": "kind"}},
        "validation": {"k_fold": {"folds": 2}},
        "network": {"mlp": {"hidden": [4]}},
        "train": {"epochs": 2, "batch_size": 20, "optimizer": {"kind": "sgd", "lr": 0.1}},
    }
    study = client.submit(spec)
    table.unlink()
    study.wait(progress=False, timeout=120)
    assert study.status().state == "succeeded"
    assert len(study.report().spec["data"]["parcel"]) == 64
    table.write_text(f"x,y,kind\n{rows}")
    assert client.submit(spec).name == study.name, "the same files and spec are the same study"
    missing = {**spec, "data": {"csv": {"train": table, "test": tmp_path / "none.csv", "target": "kind"}}}
    with pytest.raises(foldwise.FoldwiseError, match=r"none\.csv is not here"):
        client.submit(missing)
