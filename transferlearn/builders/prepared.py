"""A training that is ready to begin: data, network and plan, with nothing trained yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import keras

from transferlearn.assembling import Network, of_any_length
from transferlearn.backbones import Backbone
from transferlearn.builders.record import found, say_unused_rate
from transferlearn.data import LoadedData
from transferlearn.data.kind import Kind
from transferlearn.features import Storage
from transferlearn.fitted import FittedModel, Outline
from transferlearn.freezing import Layers
from transferlearn.progress import as_verbosity, obeys_verbose
from transferlearn.schedules import Job, Phase, Schedule
from transferlearn.tasks import Encoding, Objective
from transferlearn.training import CompileSettings, PhaseRunner, TrainingData, as_callbacks

Prediction = TypeVar("Prediction")


@dataclass(kw_only=True)
class Training(Generic[Prediction]):
    """Holds all that a training needs; `run` trains. `Builder.prepare` makes one.

    When to use it: to look at what `fit` would do before it does it, or to change a part of it
    (`dataclasses.replace(training, ...)`). It can be run once, since it changes the network.

    Attributes:
        kind: How the fitted model reads other data.
        encoding: What was learnt of the targets.
        backbone: What was pretrained.
        network: The whole network.
        layers: Of the backbone, for freezing strategies.
        schedule: What is frozen when.
        job: What the schedule knows; its `results` grow as phases end.
        settings: How the network is compiled.
        objective: What the network is trained towards.
        data: What is trained and validated on.
        storage: When and where what is frozen is stored.
        record: Writes down how the builder was set, given the callbacks.

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
    record: Callable[[Sequence[keras.callbacks.Callback]], dict[str, Any]]
    _has_run: bool = field(default=False, init=False, repr=False)

    @property
    def loaded(self) -> LoadedData:
        """Gives the data, to prepare other trainings on it."""
        return LoadedData(self.data.train, self.data.validation)

    @obeys_verbose
    def run(
        self,
        *,
        callbacks: Sequence[keras.callbacks.Callback] | keras.callbacks.Callback | None = None,
        verbose: Any = "auto",
        on_phase: Callable[[Phase], None] | None = None,
    ) -> FittedModel[Prediction]:
        """Trains, phase by phase.

        Args:
            callbacks: Keras callbacks; they see the full model, and epochs that run on over phases.
            verbose: As for `model.fit`; with 0 nothing is printed.
            on_phase: Is told each phase before it begins.

        Raises:
            ValueError: It was run before, or nothing could be trained.
        """
        watching, verbose = as_callbacks(callbacks), as_verbosity(verbose)
        if self._has_run:
            raise ValueError("This training was run before: prepare another one.")
        self._has_run = True
        if verbose:
            print(found(self.loaded))
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
        """Gives the model, for items of any length where the kind has such."""
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
