"""Writes train.safetensors: what PyTorch does with small networks, for the trainer's tests to match.

Run it with `python3 train.py` where torch 2.11, safetensors and scikit-learn are installed. A case is a piece of a spec
in Foldwise's own words, from which this script builds the same with torch.nn and torch.optim and trains it ten steps of
eight rows, in order. The cases stand as JSON in the file's metadata, with what scikit-learn says of the predictions at
the end. Written per case: the weights at the start, the loss and each layer's gradient norm (before clipping) of each
step, each layer's weight norm after it, the weights and statistics at the end, and the loss in evaluation. No bias
stands before batch norm: it would have no effect and so no gradient but rounding, which Adam scales up.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from sklearn import metrics
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

STEPS, BATCH = 10, 8


# Networks, from a spec's words.


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def narrow(values):
    return None if values is None else values.bfloat16()


class NarrowLinear(nn.Linear):
    def forward(self, x):
        return F.linear(narrow(x), narrow(self.weight), narrow(self.bias)).float()


class NarrowConv2d(nn.Conv2d):
    def forward(self, x):
        return self._conv_forward(narrow(x), narrow(self.weight), narrow(self.bias)).float()


def pair(square):
    return tuple(square) if isinstance(square, list) else (square, square)


def module(layer, shape, outputs, bf16):
    """The module of one layer for rows of this shape, and the shape that comes out."""
    if layer == "output":
        layer = {"linear": {"units": outputs}}
    name, of = (layer, {}) if isinstance(layer, str) else next(iter(layer.items()))
    window = {"kernel_size": pair(of.get("kernel", 1)), "stride": pair(of.get("stride") or of.get("kernel", 1))}
    window["padding"] = pair(of.get("padding", 0))
    if name == "linear":
        made = (NarrowLinear if bf16 else nn.Linear)(shape[0], of["units"], bias=of.get("bias", True))
    elif name == "conv2d":
        window["stride"] = pair(of.get("stride", 1))
        convolution = NarrowConv2d if bf16 else nn.Conv2d
        groups, bias = of.get("groups", 1), of.get("bias", True)
        made = convolution(shape[0], of["channels"], groups=groups, bias=bias, **window)
    elif name == "batch_norm":
        made = (nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d)(shape[0])
    elif name == "layer_norm":
        made = nn.LayerNorm(shape)
    elif name == "leaky_relu":
        made = nn.LeakyReLU(of.get("slope", 0.01))
    elif name == "max_pool":
        made = nn.MaxPool2d(**window)
    elif name == "avg_pool":
        made = nn.AvgPool2d(**window)
    elif name == "global_avg_pool":
        made = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    elif name == "dropout":
        made = nn.Dropout(of["rate"])
    elif name == "residual":
        body, _ = sequence(of["body"], shape, outputs, bf16)
        made = Residual(body, sequence(of.get("shortcut", []), shape, outputs, bf16)[0])
    else:
        plain = {"relu": nn.ReLU, "gelu": nn.GELU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "flatten": nn.Flatten}
        made = plain[name]()
    with torch.no_grad():
        return made, made.eval()(torch.zeros(1, *shape)).shape[1:]


def written_out(layers):
    for layer in layers:
        if isinstance(layer, dict) and "repeat" in layer:
            for _ in range(layer["repeat"]["times"]):
                yield from written_out(layer["repeat"]["layers"])
        else:
            yield layer


def sequence(layers, shape, outputs, bf16):
    modules = []
    for layer in written_out(layers):
        made, shape = module(layer, shape, outputs, bf16)
        modules.append(made)
    return nn.Sequential(*modules), shape


# Training, from a spec's words.


def optimizer_of(settings, parameters):
    names = {"initial_accumulator": "initial_accumulator_value"}
    kinds = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "Adagrad"}
    rest = {names.get(key, key): value for key, value in settings.items() if key != "kind"}
    return getattr(torch.optim, kinds[settings["kind"]])(parameters, **rest)


def schedulers_of(train, optimizer):
    made = []
    if "schedule" in train:
        cycle = train["schedule"]["one_cycle"]
        slow_fast = cycle.get("momentum")
        made.append(lr_scheduler.OneCycleLR(
            optimizer, max_lr=train["optimizer"]["lr"], total_steps=STEPS, pct_start=cycle["rise"],
            anneal_strategy={"cosine": "cos", "linear": "linear"}[cycle["curve"]], cycle_momentum=slow_fast is not None,
            **({"max_momentum": slow_fast[0], "base_momentum": slow_fast[1]} if slow_fast else {}),
        ))
    if "warm_up" in train:
        warm_up = train["warm_up"]
        made.append(lr_scheduler.LinearLR(optimizer, start_factor=warm_up["start"], total_iters=warm_up["steps"]))
    return made


def loss_of(train, classes):
    weights = torch.tensor(train["class_weights"]) if "class_weights" in train else None
    cross_entropy = nn.CrossEntropyLoss(weights, label_smoothing=train.get("label_smoothing", 0.0))
    numbers = {
        "binary_cross_entropy": nn.BCEWithLogitsLoss(),
        "mean_squared_error": nn.MSELoss(),
        "mean_absolute_error": nn.L1Loss(),
        "huber": nn.HuberLoss(delta=train.get("huber_delta", 1.0)),
    }
    kind = train.get("loss", "cross_entropy" if classes else "mean_squared_error")
    if kind == "cross_entropy":
        return cross_entropy

    def of_numbers(outputs, targets):
        if classes:
            one = outputs.shape[1] == 1
            targets = targets.float().view(-1, 1) if one else F.one_hot(targets, classes).float()
        return numbers[kind](outputs, targets)

    return of_numbers


def norms(network, of):
    """Norms of each layer that learns, by what `of` gives of its parameters."""
    layers = {}
    for name, parameter in network.named_parameters():
        layers.setdefault(name.rpartition(".")[0], []).append(of(parameter).detach().flatten())
    return torch.stack([torch.cat(all).norm() for all in layers.values()])


def scores(outputs, targets, classes):
    """What predictions amount to: per class, or per number to predict."""
    if classes is None:
        each = {"multioutput": "raw_values"}
        return {
            "r2": metrics.r2_score(targets, outputs, **each).tolist(),
            "mean_absolute_error": metrics.mean_absolute_error(targets, outputs, **each).tolist(),
            "mean_squared_error": metrics.mean_squared_error(targets, outputs, **each).tolist(),
        }
    taken = (outputs[:, 0] > 0).astype(int) if outputs.shape[1] == 1 else outputs.argmax(1)
    labels = list(range(classes))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(targets, taken, labels=labels, zero_division=0.0)
    wrong = [((targets == label) & (taken != label)).nonzero()[0] for label in labels]
    return {
        "confusion": metrics.confusion_matrix(targets, taken, labels=labels).tolist(),
        "first_wrong": [[int(rows[0]), int(taken[rows[0]])] if len(rows) else None for rows in wrong],
        "accuracy": metrics.accuracy_score(targets, taken),
        "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(),
    }


def trained(case, rows, targets, golden):
    name, train = case["name"], case["train"]
    network, shape = sequence(case["layers"], rows.shape[1:], case["outputs"], train.get("precision") == "bf16")
    assert list(shape) == [case["outputs"]], name
    with torch.no_grad():
        for parameter, value in case["start"].items():
            network.get_parameter(parameter).fill_(value)
    golden.update({f"{name}/start/{key}": value.clone().detach() for key, value in network.named_parameters()})
    network.train()
    optimizer = optimizer_of(train["optimizer"], network.parameters())
    schedulers, loss_function = schedulers_of(train, optimizer), loss_of(train, case["classes"])
    losses, gradients, weights = [], [], []
    for batch, target in zip(rows.split(BATCH), targets.split(BATCH)):
        optimizer.zero_grad()
        loss = loss_function(network(batch), target)
        loss.backward()
        gradients.append(norms(network, lambda parameter: parameter.grad))
        for kind, most in train.get("clip", {}).items():
            clip = {"norm": nn.utils.clip_grad_norm_, "value": nn.utils.clip_grad_value_}[kind]
            clip(network.parameters(), most)
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
        losses.append(loss.detach())
        weights.append(norms(network, lambda parameter: parameter))
    network.eval()
    with torch.no_grad():
        outputs = network(rows)
        golden[f"{name}/evaluated"] = loss_function(outputs, targets)
    case["scores"] = scores(outputs.numpy(), targets.numpy(), case["classes"])
    golden[f"{name}/losses"] = torch.stack(losses)
    golden[f"{name}/gradient_norms"], golden[f"{name}/weight_norms"] = torch.stack(gradients), torch.stack(weights)
    golden.update({f"{name}/end/{key}": value.clone() for key, value in network.state_dict().items()})


# Rows.


def data():
    count = STEPS * BATCH
    vectors, pictures, squares = torch.randn(count, 6), torch.randn(count, 2, 9, 9), torch.randn(count, 1, 12, 12)
    three, two = torch.randint(3, (count,)), torch.randint(2, (count,))
    waves = torch.stack([torch.sin(vectors.sum(1)), 2 * torch.cos(vectors[:, 0])], 1)
    return {
        "vectors": (vectors, three, 3),
        "pictures": (pictures, three, 3),
        "squares": (squares, three, 3),
        "pairs": (vectors, two, 2),
        "waves": (vectors, waves, None),
        "wave": (vectors, waves[:, :1].clone(), None),
        "shares": (vectors, torch.sigmoid(waves), None),
    }


# Cases.

SGD = {"kind": "sgd", "lr": 0.1}
MOMENTUM = {"kind": "sgd", "lr": 0.05, "momentum": 0.9}
ADAMW = {"kind": "adamw", "lr": 0.02, "eps": 1e-4}


def linear(units, **rest):
    return {"linear": {"units": units, **rest}}


def conv(channels, kernel=3, **rest):
    return {"conv2d": {"channels": channels, "kernel": kernel, **rest}}


def residual(body, shortcut=None):
    return {"residual": {"body": body, **({"shortcut": shortcut} if shortcut else {})}}


def pool(kind, kernel, **rest):
    return {f"{kind}_pool": {"kernel": kernel, **rest}}


def leaky(slope):
    return {"leaky_relu": {"slope": slope}}


def repeat(times, *layers):
    return {"repeat": {"times": times, "layers": list(layers)}}


POOLED = ["global_avg_pool", "output"]
FLAT = ["flatten", "output"]

LAYERS = {
    "perceptron": ("vectors", [
        linear(8, bias=False), "batch_norm", "relu", linear(5), "sigmoid", "output",
    ]),
    "convolutional": ("pictures", [
        conv(4, padding=1, bias=False), "batch_norm", "relu", pool("max", 2), conv(5, [2, 3], padding=[0, 1]), "sigmoid",
        pool("avg", 2, stride=1), "flatten", linear(7, bias=False), "batch_norm", "relu", "output",
    ]),
    "softmax_regression": ("pictures", FLAT),
    "lenet": ("squares", [
        conv(4, 5, padding=2), "sigmoid", pool("avg", 2), conv(6), "sigmoid", pool("avg", 2),
        "flatten", linear(10), "sigmoid", linear(8), "sigmoid", "output",
    ]),
    "conv_strides": ("pictures", [conv(4, [3, 2], stride=[2, 1], padding=[1, 0]), "tanh", conv(3, 2, stride=2), *FLAT]),
    "conv_first_groups": ("pictures", [conv(4, groups=2), "tanh", *POOLED]),
    "conv_groups": ("pictures", [conv(4), "tanh", conv(6, groups=2, bias=False), "batch_norm", "relu", *POOLED]),
    "conv_depthwise": ("pictures", [
        conv(4, 1), "gelu", conv(4, padding=1, groups=4), "gelu", conv(8, 3, groups=4, stride=2), *POOLED,
    ]),
    "conv_depthwise_first": ("pictures", [conv(2, groups=2, bias=False), "batch_norm", "relu", conv(3, 1), *POOLED]),
    "norm_first_vectors": ("vectors", ["batch_norm", linear(5), "relu", "output"]),
    "norm_first_pictures": ("pictures", ["batch_norm", conv(3), "relu", *POOLED]),
    "layer_norm_vectors": ("vectors", [linear(7), "layer_norm", "tanh", linear(5), "relu", "layer_norm", "output"]),
    "layer_norm_first": ("vectors", ["layer_norm", linear(5), "gelu", "output"]),
    "layer_norm_pictures": ("pictures", [conv(3), "layer_norm", "relu", pool("max", 2), "layer_norm", *FLAT]),
    "layer_norm_before_batch_norm": ("pictures", [conv(3), "layer_norm", "batch_norm", "relu", *POOLED]),
    "layer_norm_pictures_first": ("pictures", ["layer_norm", conv(3, groups=1), "relu", *POOLED]),
    "leaky_relu": ("vectors", [linear(6), leaky(0.01), linear(6), leaky(0.3), "output"]),
    "leaky_relu_pictures": ("pictures", [conv(3), leaky(0.3), pool("max", 3, stride=2), *FLAT]),
    "leaky_relu_of_zeros": ("vectors", [linear(6), leaky(0.3), "output"]),
    "relu_of_zeros": ("vectors", [linear(6), "relu", linear(4), "relu", "output"]),
    "max_pool_of_ties": ("pictures", [conv(3, bias=False), "relu", pool("max", 2), *FLAT]),
    "gelu": ("vectors", ["gelu", linear(6), "gelu", linear(4), "gelu", "output"]),
    "functions_first": ("pictures", ["relu", "tanh", conv(3), "sigmoid", *FLAT]),
    "pools": ("pictures", [
        pool("max", 3, stride=2, padding=1), conv(3), "relu", pool("avg", 2, padding=1), "tanh",
        pool("avg", [1, 2], stride=1), *FLAT,
    ]),
    "global_avg_pool": ("pictures", [
        conv(6, stride=2, bias=False), "batch_norm", "relu", pool("avg", 2, padding=1), "global_avg_pool", linear(4),
        "tanh", "output",
    ]),
    "global_avg_pool_first": ("pictures", POOLED),
    "repeat": ("vectors", [repeat(2, linear(5), "tanh", repeat(2, linear(4), "relu")), "output"]),
    "dropout": ("vectors", [linear(8), "relu", {"dropout": {"rate": 0.0}}, "output"]),
    "residual_first_vectors": ("vectors", [residual([linear(6), "tanh"]), "relu", "output"]),
    "residual_first_shortcut": ("vectors", [residual([linear(5), "relu", linear(4)], [linear(4, bias=False)]), "output"]),
    "residual_first_pictures": ("pictures", [residual([conv(2, padding=1)]), "relu", *POOLED]),
    "residual_first_norm": ("pictures", [
        residual([conv(3, padding=1, bias=False), "batch_norm"], [conv(3, 1, bias=False), "batch_norm"]), "relu", *POOLED,
    ]),
    "residual_first_of_itself": ("vectors", [residual(["tanh"], ["relu"]), residual(["sigmoid"]), "output"]),
    "residual_network": ("pictures", [
        conv(4, bias=False), "batch_norm", "relu", pool("max", 2),
        residual([conv(4, padding=1, bias=False), "batch_norm", "relu", conv(4, padding=1, bias=False), "batch_norm"]),
        "relu",
        residual(
            [conv(6, stride=2, padding=1, bias=False), "batch_norm", "relu", conv(6, padding=1, bias=False), "batch_norm"],
            [conv(6, 1, stride=2, bias=False), "batch_norm"],
        ), "relu", *POOLED,
    ]),
    "residual_vectors": ("vectors", [
        linear(6), residual([linear(6, bias=False), "batch_norm", "relu", linear(6)]), "tanh",
        residual(["layer_norm", linear(8), "gelu", linear(6)]), residual(["relu", linear(4)], [linear(4)]), "output",
    ]),
    "residual_nested": ("vectors", [
        linear(5), repeat(2, residual([residual([linear(5), "relu"]), "tanh", linear(5)], ["batch_norm"])), "output",
    ]),
}

# Zeros whose side of a rectifier shows, and ties of which the first counts.
STARTS = {
    "layers/leaky_relu_of_zeros": {"0.weight": 0.0, "0.bias": 0.0},
    "layers/relu_of_zeros": {"0.bias": 0.0, "0.weight": 0.0},
    "layers/max_pool_of_ties": {"0.weight": 0.0},
}

RMSPROP = {"kind": "rmsprop", "lr": 0.01}
ADAGRAD = {"kind": "adagrad", "lr": 0.1}
OPTIMIZERS = {
    "sgd": SGD,
    "sgd_decay": {**SGD, "weight_decay": 0.05},
    "momentum": {**MOMENTUM, "weight_decay": 0.01},
    "dampening": {**MOMENTUM, "dampening": 0.4},
    "dampening_decay": {**MOMENTUM, "dampening": 0.7, "weight_decay": 0.1},
    "nesterov": {**MOMENTUM, "nesterov": True},
    "nesterov_decay": {**MOMENTUM, "nesterov": True, "weight_decay": 0.1},
    "adam": {"kind": "adam", "lr": 0.02},
    "adam_decay": {"kind": "adam", "lr": 0.02, "weight_decay": 0.1, "betas": [0.8, 0.95], "eps": 1e-4},
    "adam_amsgrad": {"kind": "adam", "lr": 0.02, "betas": [0.7, 0.6], "amsgrad": True},
    "adam_amsgrad_decay": {"kind": "adam", "lr": 0.02, "betas": [0.9, 0.5], "eps": 1e-3, "amsgrad": True, "weight_decay": 0.1},
    "adamw": {"kind": "adamw", "lr": 0.02},
    "adamw_decay": {"kind": "adamw", "lr": 0.02, "weight_decay": 0.3, "betas": [0.8, 0.95], "eps": 1e-4},
    "adamw_no_decay": {"kind": "adamw", "lr": 0.02, "weight_decay": 0.0},
    "adamw_amsgrad": {"kind": "adamw", "lr": 0.02, "betas": [0.7, 0.6], "amsgrad": True},
    "rmsprop": RMSPROP,
    "rmsprop_alpha": {**RMSPROP, "alpha": 0.8, "eps": 1e-3},
    "rmsprop_decay": {**RMSPROP, "weight_decay": 0.1},
    "rmsprop_momentum": {**RMSPROP, "momentum": 0.8},
    "rmsprop_centered": {**RMSPROP, "centered": True, "eps": 1e-4},
    "rmsprop_all": {**RMSPROP, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.7, "centered": True},
    "adagrad": ADAGRAD,
    "adagrad_lr_decay": {**ADAGRAD, "lr_decay": 0.2},
    "adagrad_decay": {**ADAGRAD, "weight_decay": 0.1},
    "adagrad_start": {**ADAGRAD, "initial_accumulator": 0.3},
    "adagrad_all": {**ADAGRAD, "lr_decay": 0.1, "weight_decay": 0.05, "initial_accumulator": 0.1, "eps": 1e-3},
}

WEIGHTS = [0.5, 2.0, 1.25]
LOSSES = {
    "cross_entropy": ("vectors", {"loss": "cross_entropy"}),
    "cross_entropy_of_two": ("pairs", {}),
    "label_smoothing": ("vectors", {"label_smoothing": 0.2}),
    "class_weights": ("vectors", {"class_weights": WEIGHTS}),
    "class_weights_label_smoothing": ("vectors", {"class_weights": WEIGHTS, "label_smoothing": 0.3}),
    "binary_of_two": ("pairs", {"loss": "binary_cross_entropy"}),
    "binary_of_three": ("vectors", {"loss": "binary_cross_entropy"}),
    "binary_of_numbers": ("shares", {"loss": "binary_cross_entropy"}),
    "squared_of_classes": ("vectors", {"loss": "mean_squared_error"}),
    "squared": ("wave", {}),
    "squared_of_two": ("waves", {"loss": "mean_squared_error"}),
    "absolute": ("wave", {"loss": "mean_absolute_error"}),
    "absolute_of_two": ("waves", {"loss": "mean_absolute_error"}),
    "absolute_of_classes": ("vectors", {"loss": "mean_absolute_error"}),
    "huber": ("wave", {"loss": "huber"}),
    "huber_delta": ("waves", {"loss": "huber", "huber_delta": 0.3}),
    "huber_of_classes": ("pairs", {"loss": "huber", "huber_delta": 0.3}),
}

SMALL = [linear(6), "tanh", "output"]
MIXED = [conv(3, 3, stride=2), "tanh", "flatten", linear(4, bias=False), "batch_norm", "relu", "output"]


def one_cycle(**rest):
    return {"one_cycle": {"rise": 0.35, "curve": "cosine", **rest}}


STEPPING = {
    "clip_norm": ("vectors", {"optimizer": MOMENTUM, "clip": {"norm": 0.2}}),
    "clip_norm_loose": ("vectors", {"optimizer": SGD, "clip": {"norm": 0.45}}),
    "clip_value": ("vectors", {"optimizer": MOMENTUM, "clip": {"value": 0.03}}),
    "clip_norm_decay": ("wave", {"optimizer": {**SGD, "weight_decay": 0.2}, "clip": {"norm": 0.1}}),
    "one_cycle": ("vectors", {"optimizer": MOMENTUM, "schedule": one_cycle()}),
    "one_cycle_momentum": ("vectors", {"optimizer": MOMENTUM, "schedule": one_cycle(momentum=[0.95, 0.85])}),
    "one_cycle_betas": ("vectors", {"optimizer": ADAMW, "schedule": one_cycle(momentum=[0.95, 0.8], curve="linear")}),
    "one_cycle_rmsprop": ("vectors", {
        "optimizer": {**RMSPROP, "momentum": 0.9, "centered": True, "eps": 1e-3},
        "schedule": one_cycle(momentum=[0.9, 0.6]),
    }),
    "warm_up": ("vectors", {"optimizer": {**ADAGRAD, "lr_decay": 0.1}, "warm_up": {"steps": 4, "start": 0.25}}),
}

BF16 = {
    "bf16_vectors": ("vectors", [linear(8), "relu", linear(6, bias=False), "batch_norm", "tanh", "output"]),
    "bf16_pictures": ("pictures", [conv(4), "relu", conv(4, groups=2, bias=False), "tanh", *POOLED]),
    "bf16_residual": ("vectors", [residual([linear(6), "relu"], [linear(6)]), "output"]),
}


def cases():
    for name, (source, layers) in LAYERS.items():
        yield f"layers/{name}", source, layers, {"optimizer": {**MOMENTUM, "weight_decay": 0.01}}, 2e-4
    for name in ["perceptron", "residual_network", "lenet", "layer_norm_pictures"]:
        source, layers = LAYERS[name]
        yield f"layers/{name}_adamw", source, layers, {"optimizer": ADAMW}, 5e-4
    for name, optimizer in OPTIMIZERS.items():
        yield f"optimizers/{name}", "vectors", SMALL, {"optimizer": optimizer}, 2e-4
    for kind in ["nesterov_decay", "adam_decay", "adamw_decay", "rmsprop_all", "adagrad_all"]:
        yield f"optimizers/{kind}_pictures", "pictures", MIXED, {"optimizer": OPTIMIZERS[kind]}, 3e-4
    for name, (source, loss) in LOSSES.items():
        yield f"losses/{name}", source, SMALL, {"optimizer": MOMENTUM, **loss}, 2e-4
    for name, (source, train) in STEPPING.items():
        yield f"steps/{name}", source, SMALL, train, 2e-4
    for name, (source, layers) in BF16.items():
        yield f"precision/{name}", source, layers, {"optimizer": MOMENTUM, "precision": "bf16"}, 2e-2


def main():
    torch.manual_seed(0)
    golden, told, sources = {}, [], data()
    for name, (rows, targets, _) in sources.items():
        golden[f"rows/{name}"], golden[f"targets/{name}"] = rows, targets
    for name, source, layers, train, tolerance in cases():
        rows, targets, classes = sources[source]
        outputs = classes or targets.shape[1]
        if classes == 2 and train.get("loss") == "binary_cross_entropy":
            outputs = 1
        train = {"epochs": 1, "batch_size": BATCH, "order": "given", **train}
        case = {
            "name": name, "data": source, "input": list(rows.shape[1:]), "classes": classes, "outputs": outputs,
            "layers": layers, "train": train, "tolerance": tolerance, "start": STARTS.get(name, {}),
        }
        trained(case, rows, targets, golden)
        del case["start"]
        told.append(case)
    golden = {name: value.contiguous().clone() for name, value in golden.items()}
    save_file(golden, Path(__file__).with_name("train.safetensors"), metadata={"cases": json.dumps(told)})


main()
