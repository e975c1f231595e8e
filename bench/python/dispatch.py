"""No-op trials per second of the tools that people would pick to hand out trials.

One line on standard output for each peer: name, version, sampler, processes, trials, seconds, what is durable,
separated by tabs; a peer that cannot be had says so in place of its numbers.
"""

import logging
import multiprocessing
import os
import socket
import sys
import tempfile
import time
import warnings

PROCESSES = 8
TRIALS_MAX = 1000
SECONDS_MAX = 12.0


def say(*fields):
    print("\t".join(str(field) for field in fields), flush=True)


def sampler(kind, trials):
    import optuna

    if kind == "grid":
        return optuna.samplers.GridSampler({"x": list(range(trials))}, seed=1)
    return optuna.samplers.RandomSampler()


def optuna_worker(make_storage, kind, trials, share, barrier, ends):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    study = optuna.load_study(study_name="bench", storage=make_storage(), sampler=sampler(kind, trials))
    barrier.wait()
    study.optimize(lambda trial: trial.suggest_int("x", 0, trials - 1), n_trials=share, timeout=SECONDS_MAX)
    ends.put(time.time())


class Sqlite:
    name, durable = "Optuna, SQLite", "yes"

    def __init__(self, folder):
        self.url = f"sqlite:///{folder}/optuna.db"

    def __call__(self):
        from optuna.storages import RDBStorage

        return RDBStorage(self.url, engine_kwargs={"connect_args": {"timeout": 100}})


class Journal:
    name, durable = "Optuna, journal file", "yes"

    def __init__(self, folder):
        self.path = f"{folder}/journal.log"

    def __call__(self):
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        return JournalStorage(JournalFileBackend(self.path))


class Proxy:
    name, durable = "Optuna, gRPC proxy of a journal file", "yes"

    def __init__(self, folder):
        self.backing = Journal(folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def __call__(self):
        from optuna.storages import GrpcStorageProxy

        return GrpcStorageProxy(host="127.0.0.1", port=self.port)

    def serve(self):
        from optuna.storages import run_grpc_proxy_server

        logging.disable(logging.WARNING)
        run_grpc_proxy_server(self.backing(), host="127.0.0.1", port=self.port)


def optuna_rate(kind, storage_type, folder):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    fork = multiprocessing.get_context("spawn")
    storage = storage_type(folder)
    server = None
    if isinstance(storage, Proxy):
        server = fork.Process(target=storage.serve, daemon=True)
        server.start()
        proxy = storage()
        proxy.wait_server_ready(timeout=60)
        optuna.create_study(study_name="bench", storage=proxy)
    else:
        optuna.create_study(study_name="bench", storage=storage())
    barrier, ends = fork.Barrier(PROCESSES + 1), fork.Queue()
    share = TRIALS_MAX // PROCESSES
    arguments = (storage, kind, TRIALS_MAX, share, barrier, ends)
    workers = [fork.Process(target=optuna_worker, args=arguments) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    barrier.wait()
    start = time.time()
    seconds = max(ends.get() for _ in workers) - start
    for worker in workers:
        worker.join()
    trials = optuna.load_study(study_name="bench", storage=storage()).get_trials(deepcopy=False)
    done = sum(trial.state.is_finished() for trial in trials)
    if server:
        server.terminate()
    say(storage.name, optuna.__version__, kind, PROCESSES, done, seconds, storage.durable)


def ray_rate(kind, lean, folder):
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    if lean:
        os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    import ray
    from ray import tune

    class Noop(tune.Trainable):
        def step(self):
            return {"score": 1.0, "done": True}

        def reset_config(self, config):
            return True

    def noop(config):
        return {"score": 1.0}

    ray.init(num_cpus=PROCESSES, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    # Workers that are started only when the first trials come would count against it.
    ray.get([ray.remote(lambda: time.sleep(1.0)).remote() for _ in range(PROCESSES)])
    # What a default trial takes is an actor's start, so that fewer of them are timed.
    trials = 200 if lean else 50
    space = tune.grid_search(list(range(trials))) if kind == "grid" else tune.uniform(0.0, 1.0)
    config = tune.TuneConfig(
        num_samples=1 if kind == "grid" else trials, reuse_actors=lean, metric="score", mode="max"
    )
    run = tune.RunConfig(storage_path=folder, verbose=0)
    tuner = tune.Tuner(Noop if lean else noop, param_space={"x": space}, tune_config=config, run_config=run)
    start = time.time()
    done = sum(result.error is None for result in tuner.fit())
    seconds = time.time() - start
    name = "Ray Tune, actors reused, no loggers" if lean else "Ray Tune, as it comes"
    say(name, ray.__version__, kind, PROCESSES, done, seconds, "no")
    ray.shutdown()


def noop_task(number):
    return number


def dask_rate():
    import distributed

    logging.disable(logging.WARNING)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=4, dashboard_address=None, silence_logs=logging.ERROR
    ) as cluster:
        with distributed.Client(cluster) as client:
            client.gather(client.map(noop_task, range(100)))
            trials = 5000
            start = time.time()
            done = len(client.gather(client.map(noop_task, range(100, 100 + trials))))
            say("dask.distributed, tasks", distributed.__version__, "grid", 2, done, time.time() - start, "no")


def attempt(name, rate, *arguments):
    # Each in a process of its own: none inherits another's settings, and one that fails ends alone.
    fork = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
        child = fork.Process(target=guarded, args=(name, rate, arguments, folder))
        child.start()
        child.join(120)
        if child.is_alive():
            child.kill()
            say(name, "took longer than 120 s")


def guarded(name, rate, arguments, folder):
    if rate is not dask_rate:
        arguments = (*arguments, folder)
    try:
        rate(*arguments)
    except ImportError as missing:
        say(name, f"is missing: {missing}")
    except Exception as error:  # a peer that fails is a line of the table, not the end of it
        say(name, f"failed: {type(error).__name__}: {error}".splitlines()[0])


def main():
    for storage in (Sqlite, Journal, Proxy):
        for kind in ("grid", "random"):
            attempt(storage.name, optuna_rate, kind, storage)
    for lean in (False, True):
        for kind in ("grid", "random"):
            attempt("Ray Tune", ray_rate, kind, lean)
    attempt("dask.distributed", dask_rate)


if __name__ == "__main__":
    main()
