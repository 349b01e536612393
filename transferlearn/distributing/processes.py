"""Lets several processes train one network, each with its share of every batch, on JAX.

Each process runs the same program. Only within Keras's `fit` do they compute together, on one mesh
of all devices; all else is done as in a program of one process. Keras knows of the mesh within
`fit` alone: it would make each variable on it, which waits for the others. What may come out
differently in two processes, such as what is found in the store, is decided by the first and told
to the others.
"""

import functools
import pickle
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import keras
import numpy as np

from transferlearn.keras_internals import coordination, layout_of_each_batch, set_layout

T = TypeVar("T")
_PATIENCE = 7 * 24 * 3600 * 1000  # milliseconds: the first may compute features for days


@dataclass
class Processes:
    """Holds the processes that train one network.

    Attributes:
        count: How many there are.
        number: The number of this one, from 0 on.
        distribution: The devices of all of them; `None` where there is one process.
    """

    count: int = 1
    number: int = 0
    distribution: keras.distribution.DataParallel | None = None
    _agreed: int = 0  # how often all have waited for each other

    @property
    def is_first(self) -> bool:
        """Returns whether this is the process that prints, saves and decides."""
        return self.number == 0

    def seed(self) -> int | None:
        """Returns a random seed that all processes share; `None` where there is only one."""
        if self.count == 1:
            return None
        return self.from_first(lambda: int(np.random.default_rng().integers(2**31)))

    def check_same(self, what: str, value: object) -> None:
        """Refuses a value that differs from that of the first process.

        Raises:
            ValueError: It differs.
        """
        if self.from_first(lambda: value) != value:
            raise ValueError(
                f"Process {self.number} has {what} other than process 0. All processes run the "
                "same program; call tl.distribute() before anything is drawn at random."
            )

    def wait(self) -> None:
        """Waits until all processes have come here."""
        if self.count > 1:
            # Operations of the devices wait for half a minute at most.
            self._agreed += 1
            coordination().wait_at_barrier(f"transferlearn/{self._agreed}", _PATIENCE)

    def from_first(self, make: Callable[[], T]) -> T:
        """Returns what `make` gives in the first process, or raises what it raises there."""
        if self.count == 1:
            return make()
        self.wait()
        key = f"transferlearn/made/{self._agreed}"
        made: object = None
        raised: Exception | None = None
        if self.is_first:
            try:
                made = make()
            except Exception as error:
                raised = error
            coordination().key_value_set_bytes(key, pickle.dumps((made, raised)))
        else:
            told = coordination().blocking_key_value_get_bytes(key, _PATIENCE)
            made, raised = pickle.loads(told)
        self.wait()
        if self.is_first:
            coordination().key_value_delete(key)
        if raised is not None:
            raise raised
        return made  # type: ignore[return-value]


_processes = Processes()


def processes() -> Processes:
    """Returns the processes that train one network; one, unless `tl.distribute()` joined more.

    Raises:
        ValueError: Keras divides batches among the devices of several processes by itself.
    """
    if _processes.count == 1 and keras.distribution.distribution() is not None:
        import jax

        if jax.process_count() > 1:
            raise ValueError(
                "Keras would give each process whole batches. Take tl.distribute() in the place of "
                "jax.distributed.initialize() and keras.distribution.set_distribution()."
            )
    return _processes


def join(count: int, number: int) -> None:
    """Makes this process one of several, which JAX has joined."""
    # Batches are divided here: Keras divides a `tf.data.Dataset` only.
    mesh = keras.distribution.DataParallel(auto_shard_dataset=False)
    _processes.__dict__.update(count=count, number=number, distribution=mesh)


@contextmanager
def together(models: Iterable[keras.Model]) -> Iterator[None]:
    """Lets the processes compute together meanwhile: the variables of models are on all devices."""
    found = processes()
    if found.count == 1:
        yield
        return
    several = list(models)
    found.wait()
    _move(several, found.distribution)
    _forget_functions(several)
    keras.distribution.set_distribution(found.distribution)
    try:
        with layout_of_each_batch():
            yield
    finally:
        keras.distribution.set_distribution(None)
    _move(several, None)
    _forget_functions(several)


@contextmanager
def apart(models: Iterable[keras.Model]) -> Iterator[None]:
    """Lets each process compute by itself within `together`, as a callback does."""
    found = processes()
    if found.count == 1:
        yield
        return
    several = list(models)
    _move(several, None)
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(found.distribution)
        found.wait()
        _move(several, found.distribution)


P = ParamSpec("P")


def first_prints(function: Callable[P, T]) -> Callable[P, T]:
    """Wraps a function so that it says nothing in all processes but the first."""

    @functools.wraps(function)
    def silent(*args: P.args, **kwargs: P.kwargs) -> T:
        if processes().is_first:
            return function(*args, **kwargs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return function(*args, **kwargs | {"verbose": 0})  # type: ignore[arg-type]

    return silent


def _move(
    models: Iterable[keras.Model], distribution: keras.distribution.DataParallel | None
) -> None:
    """Makes all variables of models those of all devices, or of this process alone."""
    for variable in _variables_of(models):
        set_layout(variable, distribution, np.asarray(variable.value))


def _forget_functions(models: Iterable[keras.Model]) -> None:
    """Makes Keras compile models anew: they were compiled for where the variables were."""
    for model in models:
        model.train_function = model.test_function = model.predict_function = None


def _variables_of(models: Iterable[keras.Model]) -> list[keras.Variable]:
    """Lists the variables of models, their metrics and optimizers once each."""
    found = {}
    for model in models:
        optimizer = getattr(model, "optimizer", None)
        of_model = [*model.variables, *model.metrics_variables]
        for variable in [*of_model, *(optimizer.variables if optimizer else [])]:
            found[id(variable)] = variable
    return list(found.values())
