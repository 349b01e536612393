"""Holds a training that is ready to run: its data, its network and its schedule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakSet

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
_begun: WeakSet[keras.Model] = WeakSet()  # models of trainings that have run


@dataclass(kw_only=True)
class Training(Generic[Prediction]):
    """Holds all that a training needs, and runs it once; `Builder.prepare` makes one.

    When to use it: to look at what `fit` is going to do, or to change a part of it
    (`dataclasses.replace(training, ...)`). It can run only once, since it changes the network.

    Attributes:
        kind: The kind that reads other data for the fitted model.
        encoding: The encoding, which holds what was learnt of the targets, such as class names.
        backbone: The backbone that the network was made of.
        network: The whole network, from raw items to outputs.
        layers: The backbone's layers, as freezing strategies take them.
        schedule: The schedule, which says what is frozen in which epochs.
        job: What the schedule knows of the training; each phase adds to its `results`.
        settings: The settings that the network is compiled with.
        objective: The losses, metrics and encoded targets that the network is trained with.
        data: The data to train and validate on.
        storage: The settings that say when and where the output of frozen layers is stored.
        record: A function that takes the callbacks, and gives the builder's settings with them.

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

    @property
    def loaded(self) -> LoadedData:
        """Gives the data in the form that `Builder.prepare` and `fit` take."""
        return LoadedData(self.data.train, self.data.validation)

    @obeys_verbose
    def run(
        self,
        *,
        callbacks: Callbacks = None,
        verbose: Verbose = "auto",
        on_phase: Callable[[Phase], None] | None = None,
    ) -> FittedModel[Prediction]:
        """Trains phase by phase, and gives the fitted model.

        Args:
            callbacks: Keras callbacks, which see the full model and epochs numbered throughout.
            verbose: What `model.fit` takes; with 0 nothing is printed.
            on_phase: A function that is called with each phase before it begins.

        Raises:
            ValueError: The training was run before, or nothing could be trained.
        """
        watching, verbose = as_callbacks(callbacks), as_verbosity(verbose)
        if self.network.model in _begun:  # also a training that failed has changed its network
            raise ValueError("This training's network was trained before: prepare another one.")
        _begun.add(self.network.model)
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
        """Gives the trained model, made to take items of any length if the kind has such items."""
        # Trained at one length, since stored features need a shape.
        fixed = all(None not in spec.shape for spec in self.kind.inputs().values())
        return self.network.model if fixed else of_any_length(self.network.model)

    def _outline(self, callbacks: Sequence[keras.callbacks.Callback]) -> Outline:
        """Records how the model was trained, for the fitted model."""
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
