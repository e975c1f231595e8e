"""Writes init.json: the distributions that PyTorch draws initial weights from, for the trainer's tests.

Run it with `python3 init.py` where torch 2.11 is installed. PyTorch's own functions are called; what they ask the random
generator for is noted.
"""

import json
from pathlib import Path

import torch
from torch import nn

asked = []


def noting(kind, of):
    def draw(tensor, *args, **rest):
        asked.append({kind: of(*args, **rest)})
        return tensor

    return draw


def half_width(low, high, generator=None):
    assert low == -high
    return high


def deviation(mean=0.0, std=1.0, generator=None):
    assert mean == 0
    return std


def distributions(layer, shape, init):
    """Of the weights and the bias."""
    kind, of = next(iter(layer.items()))
    asked.clear()
    if kind == "linear":
        made = nn.Linear(shape[0], of["units"], bias=of.get("bias", True))
    else:
        made = nn.Conv2d(shape[0], of["channels"], of["kernel"], groups=of.get("groups", 1), bias=of.get("bias", True))
    usual = list(asked)
    settings = {"weights": init} if isinstance(init, str) else init
    rule = settings["weights"]
    if rule == "pytorch":
        weights = usual[0]
    elif rule == "zeros":
        weights = {"constant": 0.0}
    else:
        asked.clear()
        if rule == "normal":
            nn.init.normal_(made.weight, std=settings.get("std", 0.01))
        elif rule.startswith("xavier"):
            getattr(nn.init, f"{rule}_")(made.weight, gain=settings.get("gain", 1.0))
        else:
            # These take a gain by the name of a function alone: a leaky rectifier's slope gives any up to √2.
            slope = (2 / settings["gain"] ** 2 - 1) ** 0.5 if "gain" in settings else 0.0
            mode = f"fan_{settings.get('fan', 'in')}"
            getattr(nn.init, f"{rule}_")(made.weight, a=slope, mode=mode, nonlinearity="leaky_relu")
        weights = asked[-1]
    if made.bias is None:
        return [weights]
    bias = settings.get("bias", "pytorch" if rule == "pytorch" else "zeros")
    return [weights, usual[1] if bias == "pytorch" else {"constant": 0.0}]


LAYERS = [
    ({"linear": {"units": 120}}, [90]),
    ({"linear": {"units": 64, "bias": False}}, [128]),
    ({"conv2d": {"channels": 40, "kernel": 3}}, [30, 5, 5]),
    ({"conv2d": {"channels": 64, "kernel": [2, 5], "groups": 4}}, [32, 6, 6]),
    ({"conv2d": {"channels": 256, "kernel": 5, "groups": 128}}, [128, 5, 5]),
]
INITS = [
    "pytorch", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "normal", "zeros",
    {"weights": "xavier_uniform", "gain": 5 / 3}, {"weights": "xavier_normal", "gain": 0.5, "bias": "pytorch"},
    {"weights": "kaiming_uniform", "fan": "out"}, {"weights": "kaiming_normal", "fan": "out"},
    {"weights": "kaiming_uniform", "gain": 1.0}, {"weights": "kaiming_normal", "gain": 1.2, "fan": "out"},
    {"weights": "normal", "std": 0.3}, {"weights": "pytorch", "bias": "zeros"}, {"weights": "zeros", "bias": "pytorch"},
]


def main():
    torch.Tensor.uniform_, torch.Tensor.normal_ = noting("uniform", half_width), noting("normal", deviation)
    cases = [
        {"layer": layer, "input": shape, "init": init, "expected": distributions(layer, shape, init)}
        for layer, shape in LAYERS for init in INITS
    ]
    Path(__file__).with_name("init.json").write_text(json.dumps(cases) + "\n")


main()
