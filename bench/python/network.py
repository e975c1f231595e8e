"""Networks and optimizers in plain PyTorch, from the description that the benchmark sends: layers with the shapes that go in."""

import torch
from torch import nn


def module(layer, shape):
    """One layer as PyTorch has it."""
    name, settings = layer
    if name == "linear":
        return nn.Linear(shape[0], settings["units"], bias=settings["bias"])
    if name == "conv2d":
        return nn.Conv2d(
            shape[0], settings["channels"], settings["kernel"], settings["stride"], settings["padding"],
            groups=settings.get("groups", 1), bias=settings["bias"],
        )
    if name == "batch_norm":
        return nn.BatchNorm1d(shape[0]) if len(shape) == 1 else nn.BatchNorm2d(shape[0])
    if name in ("max_pool", "avg_pool"):
        kind = nn.MaxPool2d if name == "max_pool" else nn.AvgPool2d
        return kind(settings["kernel"], settings.get("stride"), settings["padding"])
    if name == "global_avg_pool":
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if name == "dropout":
        return nn.Dropout(settings["rate"])
    return {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU, "flatten": nn.Flatten}[name]()


def network(layers):
    """All layers in order."""
    return nn.Sequential(*[module(layer["layer"], layer["input"]) for layer in layers])


def optimizer(parameters, settings, fused, capturable=False):
    """The optimizer; `fused` updates all parameters in one kernel, `capturable` keeps its step on the device."""
    settings = dict(settings)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[settings.pop("kind")]
    if kind is not torch.optim.SGD and capturable:
        settings["capturable"] = True
    return kind(parameters, fused=fused, **settings)
