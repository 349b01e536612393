"""Defines `tl.search`: checks its arguments, runs the trials, and gives the best builder."""

import dataclasses
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from transferlearn import training
from transferlearn.builders import Builder
from transferlearn.checks import whole
from transferlearn.data import Dataset, LoadedData
from transferlearn.features.fingerprints import digest
from transferlearn.json_fields import Json
from transferlearn.progress import obeys_verbose
from transferlearn.searching.results import Search, as_trial, in_order
from transferlearn.searching.space import FIT_ARGUMENTS, Space, label
from transferlearn.searching.study import Location, OptunaCallback, opened, optuna
from transferlearn.searching.trials import LoadedOnce, TrialRunner
from transferlearn.training import TimeLimit
from transferlearn.types import Source, Verbose

# Metrics with such a name are minimised, all others are maximised: of a user's own metric, nothing
# but the name is known.
_SMALLER_IS_BETTER = re.compile(
    r"loss|error|entropy|divergence|hinge|poisson|cosh|perplexity|false|brier|\br?m(ae|se|ape|sle)\b"
)


@obeys_verbose
def search(
    builder: Builder,
    space: Mapping[str, object],
    train: Source | LoadedData,
    validation_data: Source | None = None,
    *,
    trials: int = 20,
    storage: Location = None,
    metric: str | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    verbose: Verbose = "auto",
    optuna_callbacks: Sequence[OptunaCallback] = (),
    **fit_options: object,
) -> Search:
    """Trains a builder with many settings, and finds those that score best on held-out data.

    When to use it: once the plain job works and its score matters enough for some twenty trainings.
    [Optuna](https://optuna.org) draws what is tried: at random at first, then near what did well
    (TPE). After each epoch, a trial below the median of the others is stopped (pruned). What frozen
    layers give is stored and shared by all trials, so most of them train a head only.

    All trials hold out the same images and begin with the same seed. The best score of many is
    partly luck: keep other images for a last `evaluate`.

    Args:
        builder: The builder to begin with; what is not searched stays as it is here.
        space: What to try, by name, for fields of the builder and for `epochs` and `schedule`: a
            list of values of any type, `None` included, or a `tl.Range` of numbers.
        train: The data to train on, as for `builder.fit`.
        validation_data: The data to score on, as for `builder.fit`; by default a part of `train` is
            held out.
        trials: The number of trials to finish, failed ones, those of earlier calls and those of
            other processes with the same storage included.
        storage: The path of an SQLite file, an Optuna URL such as
            `postgresql+psycopg2://user@host/name`, or a storage of `optuna.storages`: the same call
            goes on there after a kill, and several processes may work at once (give them
            `cache=tl.Cache(directory=...)` to share features). `None`: in memory.
        metric: The figure to search for, of the epoch whose weights `fit` ends with: any key of the
            history; by default the task's score, such as `"val_accuracy"` or `"val_mae"`. Losses
            and errors are minimised, everything else is maximised.
        seed: The seed of the split, of each training, and of what is tried.
        time_limit: The seconds that the search may take. It ends in time with the best so far: no
            trial begins that would not end, and one that is cut short counts only where none ended.
            The same call with a `storage` and more time goes on there.
        verbose: 0: nothing is printed; 2: what each `fit` prints; else a line for each trial.
        optuna_callbacks: Callbacks of Optuna, such as `optuna_integration.MLflowCallback()`; each
            is called with the study and the trial when a trial has ended.
        **fit_options: Further arguments of `builder.fit`.

    Returns:
        A `Search` with the best builder, its score, and all trials as a table and a picture.

    Raises:
        ValueError: There is no held-out data or no such metric, all trials failed, or the storage
            holds the results of another search. Where a single trial fails with a `ValueError`, the
            reason is noted and the search goes on.
        ImportError: Optuna is not installed (`pip install -e ".[tune]"`).

    Example:
        space = {
            "head": [tl.heads.PooledDense(), tl.heads.FlattenDense(units=(128,))],
            "learning_rate": tl.Range(1e-4, 1e-2, log=True),
        }
        found = tl.search(builder, space, "photos", trials=20, storage="study.db")
        print(found)
        fitted = found.builder.fit("photos", **found.fit_options)
    """
    limit = TimeLimit.of(time_limit)
    optuna()
    trials = whole("trials", trials, least=1)
    builder = dataclasses.replace(builder, seed=whole("seed", seed, least=0))
    tried = Space(space, builder)
    load_options = _check_options(builder, fit_options, tried)
    data = LoadedOnce(train, validation_data, load_options)
    loaded = data.of(builder)
    if loaded.validation is None:
        raise ValueError(
            "A search compares scores on held-out data, and there is none. Pass validation_data, "
            "or a validation_split above 0."
        )
    metric = metric or builder.task.learn(loaded.train.learnt).score.key
    minimise = bool(_SMALLER_IS_BETTER.search(metric.replace("_", " ")))
    description = {
        **_describe(builder, fit_options, tried),
        "metric": metric,
        "data": _digest(loaded.train, loaded.validation),
    }
    with opened(storage, description, minimise=minimise) as study:
        runner = TrialRunner(
            study=study,
            builder=builder,
            space=tried,
            data=data,
            options={name: v for name, v in fit_options.items() if name not in load_options},
            metric=metric,
            verbose=verbose,
            optuna_callbacks=optuna_callbacks,
            limit=limit,
        )
        runner.run(trials)
        rows = [as_trial(t) for t in study.get_trials(deepcopy=False)]
    ordered = in_order([row for row in rows if row.parameters], minimise=minimise)
    best = ordered[0]
    if best.state not in ("complete", "stopped") or best.score is None:
        raise ValueError(f"No trial of {len(ordered)} succeeded. The first: {best.reason}")
    fields, arguments = tried.chosen(best.parameters)
    return Search(
        builder=dataclasses.replace(builder, **fields),
        fit_options=fit_options | arguments,
        score=best.score,
        metric=metric,
        trials=ordered,
        tried=tried.tried(),
    )


def _check_options(builder: Builder, options: dict[str, Any], tried: Space) -> Json:
    """Checks the options of `fit`, and gives those that `builder.load` takes.

    Raises:
        TypeError: `fit` takes no such option.
        ValueError: An option is searched as well.
    """
    inspect.signature(builder.fit).bind(None, None, **options)
    twice = [name for name in FIT_ARGUMENTS if name in tried and name in options]
    if twice:
        raise ValueError(f"{twice[0]} is searched, so it cannot be an option of fit as well.")
    training.as_callbacks(options.get("callbacks"))
    training.check_cache(options.get("cache", "auto"))
    loading = inspect.signature(builder.load).parameters
    return {name: value for name, value in options.items() if name in loading}


def _describe(builder: Builder, options: dict[str, Any], tried: Space) -> dict[str, str]:
    """Describes all settings that scores depend on, as texts by name."""
    described = {"builder": type(builder).__name__}
    described |= {f"what to try for {name}": str(values) for name, values in tried.tried().items()}
    settings = {f.name: getattr(builder, f.name) for f in dataclasses.fields(builder) if f.init}
    # The cache changes the time that a trial takes, not its score.
    settings |= {name: value for name, value in options.items() if name != "cache"}
    callbacks = training.as_callbacks(options.get("callbacks"))
    settings["callbacks"] = ", ".join(map(_callback_text, callbacks))
    return described | {n: str(label(value)) for n, value in settings.items() if n not in tried}


def _callback_text(callback: keras.callbacks.Callback) -> str:
    """Writes a callback as its class and plain attributes: Keras's callbacks have no configs."""
    plain = {n: v for n, v in vars(callback).items() if isinstance(v, (str, int, float))}
    return f"{type(callback).__name__}({', '.join(f'{n}={plain[n]}' for n in sorted(plain))})"


def _digest(*datasets: Dataset) -> str:
    """Returns a hash of the items of datasets and of their targets."""
    identities = [(data.size, data.content_hashes(), *data.learnt.identity()) for data in datasets]
    return digest(*(value for values in identities for value in values))[:12]
