"""Writes convolution.pt: a convolution's way back, which libtorch has and its C interface leaves out.

    python convolution.py        (PyTorch 2.11)
"""

from pathlib import Path

import torch


class Convolution(torch.nn.Module):
    @torch.jit.export
    def backward(
        self,
        delta: torch.Tensor,
        inputs: torch.Tensor,
        kernel: torch.Tensor,
        stride: list[int],
        padding: list[int],
        groups: int,
        wanted: list[bool],
    ) -> list[torch.Tensor]:
        """The loss's gradients by inputs, kernel and bias, those that are wanted."""
        found = torch.ops.aten.convolution_backward(
            delta, inputs, kernel, [kernel.size(0)], stride, padding, [1, 1], False, [0, 0], groups, wanted
        )
        gradients: list[torch.Tensor] = []
        if wanted[0]:
            gradients.append(found[0])
        if wanted[1]:
            gradients.append(found[1])
        if wanted[2]:
            gradients.append(found[2])
        return gradients

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs


torch.jit.script(Convolution()).save(str(Path(__file__).with_suffix(".pt")))
