"""Holds a training that is ready to begin: data, network and plan, with nothing trained yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import keras

from transferlearn.assembling import Network, of_any_length
from transferlearn.backbones import Backbone
from transferlearn.builders.record import data_line, say_unused_rate
from transferlearn.data import LoadedData
from transferlearn.data.kind import Kind
from transferlearn.features import Storage
from transferlearn.fitted import FittedModel, Outline
from transferlearn.freezing import Layers
from transferlearn.progress import as_verbosity, obeys_verbose
from transferlearn.schedules import Job, Phase, Schedule
from transferlearn.tasks import Encoding, Objective
from transferlearn.training import CompileSettings, PhaseRunner, TrainingData, as_callbacks
from transferlearn.types import Callbacks, Json, Verbose

Prediction = TypeVar("Prediction")


@dataclass(kw_only=True)
class Training(Generic[Prediction]):
    """Holds all that a training needs, and trains with `run`; `Builder.prepare` makes one.

    When to use it: to look at what `fit` would do before it does it, or to change a part of it
    (`dataclasses.replace(training, ...)`). It can be run once, since it changes the network.

    Attributes:
        kind: The kind that reads other data for the fitted model.
        encoding: The encoding, which holds what was learnt of the targets, such as class names.
        backbone: The backbone that the network was made of.
        network: The whole network, from raw items to outputs.
        layers: The backbone's layers, as freezing strategies take them.
        schedule: The schedule, which says what is frozen when.
        job: All that the schedule knows; its `results` grow as phases end.
        settings: The settings that the network is compiled with.
        objective: The losses, metrics and encoded targets that the network is trained with.
        data: The data to train and validate on.
        storage: The settings that say when and where the output of frozen layers is stored.
        record: A function that takes the callbacks, and writes down how the builder was set.

    Example:
        training = builder.prepare("photos", schedule="fine-tune")
        training.network.model.summary()
        fitted = training.run()
    """

    kind: Kind
    encoding: Encoding[Prediction]
    backbone: Backbone
    network: Network
    layers: Layers
    schedule: Schedule
    job: Job
    settings: CompileSettings
    objective: Objective
    data: TrainingData
    storage: Storage
    record: Callable[[Sequence[keras.callbacks.Callback]], Json]
    _has_run: bool = field(default=False, init=False, repr=False)

    @property
    def loaded(self) -> LoadedData:
        """Gives the data, so that other trainings can be prepared on it."""
        return LoadedData(self.data.train, self.data.validation)

    @obeys_verbose
    def run(
        self,
        *,
        callbacks: Callbacks = None,
        verbose: Verbose = "auto",
        on_phase: Callable[[Phase], None] | None = None,
    ) -> FittedModel[Prediction]:
        """Trains, phase by phase.

        Args:
            callbacks: Keras callbacks; they see the full model, and epochs that run on over phases.
            verbose: What `model.fit` takes; with 0 nothing is printed.
            on_phase: A function that is called with each phase before it begins.

        Raises:
            ValueError: The training was run before, or nothing could be trained.
        """
        watching, verbose = as_callbacks(callbacks), as_verbosity(verbose)
        if self._has_run:
            raise ValueError("This training was run before: prepare another one.")
        self._has_run = True  # even a training that fails has changed the network
        if verbose:
            print(data_line(self.loaded))
        runner = PhaseRunner(
            network=self.network,
            layers=self.layers,
            settings=self.settings,
            objective=self.objective,
            score=self.encoding.score,
            data=self.data,
            results=self.job.results,
            storage=self.storage,
            callbacks=watching,
            verbose=verbose,
            on_phase=on_phase,
        )
        history = runner.run(self.schedule.phases(self.job))
        say_unused_rate(self.job)
        return FittedModel(
            model=self._widened(),
            kind=self.kind,
            encoding=self.encoding,
            history=history,
            phases=tuple(self.job.results),
            outline=self._outline(watching),
            skipped=self.data.train.skipped,
        )

    def _widened(self) -> keras.Model:
        """Gives the model; it takes items of any length where the kind has such items."""
        # Trained at one length, since stored features need a shape.
        fixed = all(None not in spec.shape for spec in self.kind.inputs().values())
        return self.network.model if fixed else of_any_length(self.network.model)

    def _outline(self, callbacks: Sequence[keras.callbacks.Callback]) -> Outline:
        train, held_out = self.data.train, self.data.validation
        return Outline(
            backbone=self.backbone.name,
            source=self.backbone.source,
            batch_size=self.data.batch_size,
            settings=self.record(callbacks),
            backbone_layers=len(self.layers),
            train_items=train.count,
            validation_items=None if held_out is None else held_out.count,
            baseline=None if held_out is None else self.encoding.baseline(held_out.learnt),
        )
