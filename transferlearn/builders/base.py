"""Defines what builders of all kinds and tasks share: they load data, prepare and train."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from transferlearn.backbones import Backbone
from transferlearn.builders.arguments import refuses_settings
from transferlearn.builders.networks import NetworkBuilder
from transferlearn.builders.planning import HeldOutShare, make_job, strategy
from transferlearn.builders.record import arguments_of
from transferlearn.builders.training_run import Training
from transferlearn.checks import whole
from transferlearn.data import Dataset, LoadedData, Reading
from transferlearn.data.kind import Kind
from transferlearn.data.loading import load_pair
from transferlearn.data.targets import Weigh
from transferlearn.distributing import first_prints
from transferlearn.features import Cache, Storage
from transferlearn.fitted import FittedModel
from transferlearn.freezing import Layers
from transferlearn.json_fields import Json
from transferlearn.progress import obeys_verbose, working
from transferlearn.schedules import Auto, Schedule, as_schedule
from transferlearn.training import TimeLimit, TrainingData, as_callbacks, check_cache
from transferlearn.types import Callbacks, Prediction, Source, Verbose


@dataclass(frozen=True)
class Builder(NetworkBuilder[Prediction]):
    """Holds the settings of a transfer-learning job, which never change, and trains by them.

    Subclass a builder to write a head of your own (`build_head`); further settings are dataclass
    fields, not an `__init__`.

    Attributes:
        auto: The recipe that `schedule="auto"` stands for.
        default_schedule: The name of the schedule that `fit` takes where none is named.
    """

    auto: ClassVar[Schedule] = Auto()
    default_schedule: ClassVar[str] = "auto"

    def reading(self) -> Reading:
        """Returns the settings to read data by: kind, target, groups, and what to do on errors."""
        return Reading(self.kind, self.task.target, self.on_error, self.groups)

    @refuses_settings
    def load(
        self,
        train: Source | LoadedData,
        validation_data: Source | None = None,
        *,
        validation_split: float | None = None,
    ) -> LoadedData:
        """Loads and checks training and validation data, which several trainings can then use.

        The arguments are those of `fit`. What this gives can be passed as `train` to `fit`,
        `prepare`, `tl.search` and `tl.find_learning_rate`.
        """
        return self._load(train, validation_data, HeldOutShare.of(validation_split), self.reading())

    @refuses_settings
    def prepare(
        self,
        train: Source | LoadedData,
        validation_data: Source | None = None,
        *,
        epochs: int | None = None,
        schedule: Schedule | str | None = None,
        validation_split: float | None = None,
        cache: str | bool | Cache = "auto",
    ) -> Training[Prediction]:
        """Loads the data and builds the network, but trains nothing yet.

        The arguments are those of `fit`, which is `prepare` and `Training.run` in one call.

        Returns:
            A `Training`; its `run` trains.
        """
        return self._prepare(
            lambda plan: self._load(
                train, validation_data, HeldOutShare.of(validation_split, plan), self.reading()
            ),
            schedule=schedule,
            cache=cache,
            epochs=epochs,
            validation_data=validation_data,
            validation_split=validation_split,
        )

    @refuses_settings
    @first_prints
    @obeys_verbose
    def fit(
        self,
        train: Source | LoadedData,
        validation_data: Source | None = None,
        *,
        epochs: int | None = None,
        schedule: Schedule | str | None = None,
        validation_split: float | None = None,
        cache: str | bool | Cache = "auto",
        callbacks: Callbacks = None,
        verbose: Verbose = "auto",
        resume: str | os.PathLike[str] | None = None,
        on_interrupt: Literal["raise", "return"] = "raise",
        reference: bool = True,
        time_limit: float | None = None,
    ) -> FittedModel[Prediction]:
        """Trains and gives the fitted model: `prepare` and `Training.run` in one call.

        Args:
            train: Any source that `tl.data.load` takes, or what `load` gave.
            validation_data: Another such source. Without it, a part of `train` is held out; of
                streams nothing is.
            epochs: The epochs of all phases together; by default the schedule chooses.
            schedule: A `tl.Schedule` or the name of one; it says what is frozen in which epochs.
            validation_split: The share in [0, 1) to hold out, chosen by what the items hold and by
                the builder's `seed`; by default the schedule chooses: a tenth, or with `"auto"`
                nothing of fewer than 1,000 items. If the head is solved and nothing is trained
                after that, the final solution is computed with that share too.
            cache: Whether the output of frozen layers is computed once and stored: `"auto"` where
                that saves time, `True` (`ValueError` where it cannot be), `False`, or a `tl.Cache`
                that says where and how. The weights are the same either way, but for rounding.
            callbacks: Keras callbacks, which see the full model and epochs numbered throughout.
            verbose: What `model.fit` takes; with 0 nothing is printed.
            resume: The folder of this run, such as `"runs/flowers"`, to which the state is written
                after each epoch. The same call goes on there, after whatever stopped it.
            on_interrupt: What Ctrl-C does: `"raise"` raises `KeyboardInterrupt` with the model with
                its best weights so far as `.fitted`, `"return"` returns that model.
            reference: Whether, at the end and in at most 3% of the time or one second, items are
                measured for `tl.monitor`. What of them a save then holds, docs/monitoring.md says.
            time_limit: The seconds that all of this may take: training stops in time, with the best
                weights so far, and says what was left out. The first pass over frozen layers and
                the head solved on it are never cut.

        Returns:
            A `FittedModel`; this builder and all that was passed stay as they were.

        Raises:
            ValueError: The data or settings cannot work; nothing has been trained then. Or
                `resume` holds a run with other data or settings; each difference is named.
            OSError: The folder `resume` cannot be used.
        """
        watching = as_callbacks(callbacks)  # refuses wrong ones before the data is loaded
        limit = TimeLimit.of(time_limit)
        with working(verbose, expected=None):
            training = self.prepare(
                train,
                validation_data,
                epochs=epochs,
                schedule=schedule,
                validation_split=validation_split,
                cache=cache,
            )
            fitted = training.run(
                callbacks=watching,
                verbose=verbose,
                resume=resume,
                on_interrupt=on_interrupt,
                reference=reference,
                time_limit=limit,
            )
        if verbose:
            print(f"Result: {fitted.reliable_score}")
        return fitted

    def _load(
        self,
        train: Source | LoadedData,
        validation_data: Source | None,
        split: HeldOutShare,
        reading: Reading,
    ) -> LoadedData:
        """Loads the data, or gives loaded data as it is, which brings its own validation data."""
        if not isinstance(train, LoadedData):
            return load_pair(train, validation_data, reading, **split._asdict(), seed=self.seed)
        if validation_data is not None:
            raise ValueError("Loaded data brings its own validation data: leave the other out.")
        return train

    def _prepare(
        self,
        load: Callable[[Schedule], LoadedData],
        *,
        schedule: Schedule | str | None,
        cache: str | bool | Cache,
        epochs: int | None,
        **beside: object,
    ) -> Training[Prediction]:
        """Checks the arguments, loads the data, and builds the network, in this order.

        `beside` holds those arguments of `fit` that are recorded only.
        """
        epochs = None if epochs is None else whole("epochs", epochs, least=1)
        plan = self.plan(schedule)
        check_cache(cache)
        loaded = load(plan)
        train, held_out = loaded
        self._seed()  # before the first weights are drawn
        encoding = self.task.learn(train.learnt)
        backbone = self._read_backbone(train.shape, encoding)
        network, encoding = self._network(backbone, encoding, train.shape)
        layers = Layers.of(backbone)
        # A wrong name of a layer must raise its error now, not when a later phase begins.
        layers.frozen_by(strategy(self.freeze, backbone))
        job = make_job(
            backbone,
            freeze=self.freeze,
            optimizer=self.optimizer,
            rate=self._rate(backbone),
            rate_given=self.learning_rate is not None or not isinstance(self.optimizer, str),
            epochs=epochs or plan.default_epochs(train.size),
            items=train.size,
        )
        variation = self._variation(train.shape, plan)
        mixed = variation.get("mixup", 0.0) > 0
        settings = self._settings(backbone)
        objective = encoding.objective(
            loss=self.loss, metrics=self.metrics, targets=train.learnt, mixed=mixed
        )
        return Training(
            kind=self._kind_of(train, backbone),
            encoding=encoding,
            backbone=backbone,
            network=network,
            layers=layers,
            schedule=plan,
            job=job,
            settings=settings,
            objective=objective,
            data=TrainingData(
                train=train,
                validation=held_out,
                batch_size=self.batch_size,
                encode=objective.encode,
                weigh=self._weigh(train),
                seed=self.seed,
                **variation,
            ),
            storage=Storage.of(cache),
            builder=self,
            arguments=arguments_of(epochs=epochs, **beside),
        )

    def _kind_of(self, train: Dataset, backbone: Backbone) -> Kind:
        """Returns the kind by which the fitted model reads other data: as `train` was read."""
        return self.kind.like(train)

    def _weigh(self, train: Dataset) -> Weigh | None:
        """Returns what weighs the items to train on by their targets; by default nothing does."""
        return None

    def _variation(self, shape: tuple[int, ...], plan: Schedule) -> Json:
        """Returns augmentation, views and mixup as arguments of `TrainingData`; by default none."""
        return {}

    def plan(self, schedule: Schedule | str | None) -> Schedule:
        """Returns the schedule that was passed or named, or else the builder's default."""
        # Else a `freeze` without a schedule holds from the first epoch to the last.
        in_phases = self.freeze is None or self.auto.obeys_freeze
        default = self.default_schedule if in_phases else "one-phase"
        asked = default if schedule is None else schedule
        return self.auto if asked == "auto" else as_schedule(asked)
