"""Whole searches by the tools that people use: `search.py TOOL SETTINGS`, with settings as JSON.

All do the same: every learning rate on every fold of the first rows of Fashion-MNIST, folds of
`KFold(folds, shuffle=True, random_state=seed)`, so many epochs, the best mean validation accuracy wins. Two workers of one
thread each, where the tool has workers. The last line of output is JSON: seconds after everything was imported, that
accuracy, and versions.
"""

import json
import sys
import tempfile

import numpy as np

from timing import seconds_of

# Side by side, each with one thread.
WORKERS = 2
# Pixels are normalized as the study file says.
MEAN, DEVIATION = 0.5, 0.5


def rows(settings):
    """Floats `[rows, 784]` and classes `[rows]`."""
    folder, count = settings["data"], settings["rows"]
    images = np.fromfile(f"{folder}/train-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 784)[:count]
    labels = np.fromfile(f"{folder}/train-labels-idx1-ubyte", np.uint8, offset=8)[:count]
    return ((images / 255 - MEAN) / DEVIATION).astype(np.float32), labels.astype(np.int64)


def folds(settings):
    from sklearn.model_selection import KFold

    return KFold(settings["folds"], shuffle=True, random_state=settings["seed"])


def make_network(hidden):
    from torch import nn

    layers, width = [], 784
    for units in hidden:
        layers += [nn.Linear(width, units), nn.BatchNorm1d(units), nn.ReLU(), nn.Dropout(0.3)]
        width = units
    return nn.Sequential(*layers, nn.Linear(width, 10))


def train_run(settings, images, labels, rate, train, validation):
    """One run, by a loop as a careful person writes it; its validation accuracy after the last epoch."""
    import torch
    from torch import nn

    torch.manual_seed(settings["seed"])
    network = make_network(settings["hidden"])
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, fused=True)
    loss_of, accuracy = nn.CrossEntropyLoss(), 0.0
    train, validation = torch.from_numpy(train), torch.from_numpy(validation)
    for _ in range(settings["epochs"]):
        network.train()
        for index in train[torch.randperm(len(train))].split(settings["batch"]):
            optimizer.zero_grad()
            loss_of(network(images[index]), labels[index]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            accuracy = (network(images[validation]).argmax(1) == labels[validation]).float().mean().item()
    return accuracy


def mean_accuracy(settings, rate):
    """All folds of one learning rate: what a trial's objective does in tools that know no folds."""
    import torch

    images, labels = (torch.from_numpy(part) for part in rows(settings))
    splits = folds(settings).split(images)
    return float(np.mean([train_run(settings, images, labels, rate, *split) for split in splits]))


def torch_in_turn(settings):
    import torch

    torch.set_num_threads(WORKERS)
    return lambda: max(mean_accuracy(settings, rate) for rate in settings["rates"]), {"torch": torch.__version__}


def skorch_grid(settings):
    import skorch
    import torch
    from sklearn.model_selection import GridSearchCV
    from skorch import NeuralNetClassifier

    net = NeuralNetClassifier(
        make_network, module__hidden=tuple(settings["hidden"]), criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW, max_epochs=settings["epochs"], batch_size=settings["batch"],
        iterator_train__shuffle=True, train_split=None, verbose=0,
    )
    grid = GridSearchCV(net, {"lr": settings["rates"]}, cv=folds(settings), n_jobs=WORKERS, refit=False)
    return lambda: grid.fit(*rows(settings)).best_score_, {"skorch": skorch.__version__, "torch": torch.__version__}


def mlp_grid(settings):
    import sklearn
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier(
        tuple(settings["hidden"]), batch_size=settings["batch"], max_iter=settings["epochs"], tol=0.0, alpha=0.0,
        n_iter_no_change=settings["epochs"], random_state=settings["seed"],
    )
    grid = GridSearchCV(net, {"learning_rate_init": settings["rates"]}, cv=folds(settings), n_jobs=WORKERS, refit=False)
    return lambda: grid.fit(*rows(settings)).best_score_, {"scikit-learn": sklearn.__version__}


def optuna_process(settings, path):
    import optuna
    import torch

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    optuna_study(settings, path).optimize(
        lambda trial: mean_accuracy(settings, trial.suggest_categorical("lr", settings["rates"]))
    )


def optuna_study(settings, path):
    import optuna
    from optuna.storages.journal import JournalFileBackend

    return optuna.create_study(
        study_name="search", direction="maximize", load_if_exists=True,
        storage=optuna.storages.JournalStorage(JournalFileBackend(path)),
        sampler=optuna.samplers.GridSampler({"lr": settings["rates"]}, seed=settings["seed"]),
    )


def optuna_grid(settings):
    import multiprocessing

    import optuna
    import torch

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def search():
        with tempfile.TemporaryDirectory() as folder:
            path, context = f"{folder}/journal", multiprocessing.get_context("spawn")
            study = optuna_study(settings, path)
            processes = [context.Process(target=optuna_process, args=(settings, path)) for _ in range(WORKERS)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            return study.best_value

    return search, {"optuna": optuna.__version__, "torch": torch.__version__}


def ray_grid(settings):
    import ray
    import torch
    from ray import tune

    def trial(config):
        torch.set_num_threads(1)
        tune.report({"accuracy": mean_accuracy(settings, config["lr"])})

    def search():
        with tempfile.TemporaryDirectory() as folder:
            ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
            tuner = tune.Tuner(
                tune.with_resources(trial, {"cpu": 1}),
                param_space={"lr": tune.grid_search(settings["rates"])},
                tune_config=tune.TuneConfig(metric="accuracy", mode="max"),
                run_config=tune.RunConfig(storage_path=folder, verbose=0),
            )
            best = tuner.fit().get_best_result().metrics["accuracy"]
            ray.shutdown()
            return best

    return search, {"ray": ray.__version__, "torch": torch.__version__}


TOOLS = {"torch": torch_in_turn, "skorch": skorch_grid, "optuna": optuna_grid, "ray": ray_grid, "sklearn": mlp_grid}


def main():
    search, versions = TOOLS[sys.argv[1]](json.loads(sys.argv[2]))
    found = []
    seconds = seconds_of(lambda: found.append(float(search())))
    print(json.dumps({"seconds": seconds, "accuracy": found[0], "versions": versions}))


if __name__ == "__main__":
    main()
