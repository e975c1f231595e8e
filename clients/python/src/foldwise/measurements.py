"""What a fold or the final stage measured because its study asked for it, in the words of `docs/report.md`."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from foldwise.errors import DamagedError


@dataclass(frozen=True)
class MeasuredEpoch:
    """Norms and training values of an epoch."""

    epoch: int
    training_loss: float | None = None
    training_accuracy: float | None = None
    gradient_norm: float | None = None
    layer_gradient_norms: list[float | None] = field(default_factory=list)
    weight_norm: float | None = None
    layer_weight_norms: list[float | None] = field(default_factory=list)


@dataclass(frozen=True)
class Steps:
    """Every step in order."""

    per_epoch: int
    losses: list[float | None] = field(default_factory=list, repr=False)
    gradient_norms: list[float | None] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class ClassScore:
    """How well a class was recognized."""

    rows: int
    recall: float | None = None
    precision: float | None = None
    f1: float | None = None


@dataclass(frozen=True)
class Picture:
    """A small picture as it is in the data, 8 bits per channel."""

    width: int
    height: int
    channels: int
    """1 for grey, 3 for red, green and blue."""
    pixels: str = field(repr=False)
    """In base64; `data` has the bytes."""

    @property
    def data(self) -> bytes:
        """Row by row from the top, each pixel's channels beside each other.

        With NumPy: `numpy.frombuffer(picture.data, "uint8").reshape(picture.height, picture.width, picture.channels)`.
        """
        try:
            data = base64.b64decode(self.pixels, validate=True)
        except ValueError as error:
            raise DamagedError("cannot read a picture", f"its pixels are no base64: {error}") from error
        if len(data) != self.width * self.height * self.channels:
            shape = f"{self.width} by {self.height} pixels with {self.channels} channels"
            raise DamagedError("cannot read a picture", f"it has {len(data)} bytes for {shape}")
        return data


@dataclass(frozen=True)
class Wrong:
    """A row that was taken for another class."""

    row: int
    predicted: int
    probability: float | None = None
    """What the model gave the class that it took the row for, where its loss gives probabilities."""
    picture: Picture | None = None
    """What it looks like, where rows are pictures."""


@dataclass(frozen=True)
class Classes:
    """Predicted classes."""

    confusion: list[list[int]] = field(default_factory=list)
    """Rows by true class (down) and predicted class (across)."""
    first_wrong: list[Wrong | None] = field(default_factory=list)
    scores: list[ClassScore] = field(default_factory=list)
    macro_f1: float | None = None


@dataclass(frozen=True)
class Numbers:
    """Predicted numbers; lists have one entry per output."""

    r2: list[float | None] = field(default_factory=list)
    mean_absolute_error: list[float | None] = field(default_factory=list)
    mean_squared_error: list[float | None] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Predictions:
    """What the weights of the selected epoch predict for a part of the rows."""

    part: str
    """`train`, `validation` or `test`."""
    epoch: int
    rows: int
    loss: float | None = None
    accuracy: float | None = None
    classes: Classes | None = None
    numbers: Numbers | None = None


@dataclass(frozen=True)
class Snapshots:
    """Kept copies of the weights."""

    digest: str
    """`client.artifact(digest, path)` fetches them."""
    epochs: list[int] = field(default_factory=list)
    weights: int | None = None


@dataclass(frozen=True)
class Resources:
    """Memory and speed."""

    members: int | None = None
    steps: int | None = None
    rows: int | None = None
    seconds: float | None = None
    train_bytes: int | None = None
    predict_bytes: int | None = None


@dataclass(frozen=True)
class Measurements:
    """What was asked for by `[measure]`."""

    layers: list[str] = field(default_factory=list)
    epochs: list[MeasuredEpoch] = field(default_factory=list, repr=False)
    steps: Steps | None = field(default=None, repr=False)
    predictions: list[Predictions] = field(default_factory=list, repr=False)
    snapshots: Snapshots | None = None
    resources: Resources | None = None
