#!/usr/bin/env python3
"""Writes net.pt beside this file: a network of one's own, which Foldwise trains. Needs PyTorch, once."""

from pathlib import Path

import torch
from torch import nn


class Gated(nn.Module):
    """A layer that no study file can describe: half of its units say how much of the others goes on."""

    def __init__(self, features: int, units: int, classes: int):
        super().__init__()
        self.inner = nn.Linear(features, 2 * units)
        self.norm = nn.BatchNorm1d(units)
        self.drop = nn.Dropout(0.1)
        self.last = nn.Linear(units, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values, gates = self.inner(x).chunk(2, dim=1)
        return self.last(self.drop(self.norm(values * torch.sigmoid(gates))))


torch.manual_seed(0)
for units in (16, 64):
    torch.jit.script(Gated(4, units, 3)).save(str(Path(__file__).with_name(f"gated-{units}.pt")))
