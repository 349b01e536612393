"""Holds a training that is ready to run: its data, its network and its schedule."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal
from weakref import WeakSet

import keras

from transferlearn.assembling import Network
from transferlearn.backbones import Backbone
from transferlearn.backbones.graph import of_any_length
from transferlearn.builders.arguments import check_callbacks
from transferlearn.builders.interrupts import check_interrupts, hand_over
from transferlearn.builders.networks import NetworkBuilder
from transferlearn.builders.processes import among_processes
from transferlearn.builders.record import data_line, data_record, say_unused_rate, settings_of
from transferlearn.builders.run_description import (
    describe_callbacks,
    describe_data,
    digest_of_weights,
    digests_of_code,
    versions,
)
from transferlearn.configs import class_name
from transferlearn.data import LoadedData
from transferlearn.data.kind import Kind
from transferlearn.distributing import divided_batches, first_prints, processes
from transferlearn.features import Storage
from transferlearn.fitted import FittedModel, Outline
from transferlearn.freezing import Layers
from transferlearn.json_fields import Json
from transferlearn.measuring import baseline_of, last_evaluation, refer
from transferlearn.monitoring import Reference
from transferlearn.progress import as_verbosity, current, obeys_verbose, working
from transferlearn.resuming import RunFolder
from transferlearn.schedules import Job, Phase, Schedule
from transferlearn.tables import as_table
from transferlearn.tasks import Encoding, Evaluation, Objective, decided_by
from transferlearn.training import (
    Ahead,
    CompileSettings,
    FedBatch,
    HeldOutScore,
    LeftOut,
    PhaseInput,
    PhaseRunner,
    Resumption,
    TimeLimit,
    TrainingData,
    as_callbacks,
    first_batch,
    say_inexact,
)
from transferlearn.types import Callbacks, Prediction, Verbose

_begun: WeakSet[keras.Model] = WeakSet()  # models of trainings that have run


@dataclass(kw_only=True, repr=False)
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
        builder: The builder that prepared it.
        arguments: The arguments of `fit` that were given, as the outline records them.

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
    builder: NetworkBuilder[Prediction]
    arguments: Json

    def __repr__(self) -> str:
        rows = [
            ("Training", ""),
            ("network", self.backbone.name),
            ("learns", self.encoding.summary()),
            ("data", data_line(self.loaded)),
            ("schedule", type(self.schedule).__name__),
            ("epochs", str(self.job.epochs)),
        ]
        return as_table(rows)

    @property
    def loaded(self) -> LoadedData:
        """The data in the form that `Builder.prepare` and `fit` take."""
        return LoadedData(self.data.train, self.data.validation)

    def first_batch(self) -> FedBatch:
        """Returns the first batch of the first epoch, as the network is trained on it.

        Items are augmented and mixed as in training, before the network's own preprocessing. What
        is drawn at random here changes nothing of what `run` draws.
        """
        return first_batch(self.data)

    @first_prints
    @obeys_verbose
    def run(
        self,
        *,
        callbacks: Callbacks = None,
        verbose: Verbose = "auto",
        on_phase: Callable[[Phase], None] | None = None,
        resume: str | os.PathLike[str] | None = None,
        on_interrupt: Literal["raise", "return"] = "raise",
        reference: bool = True,
        time_limit: float | TimeLimit | None = None,
    ) -> FittedModel[Prediction]:
        """Trains phase by phase, and gives the fitted model.

        Args:
            callbacks: Keras callbacks, which see the full model and epochs numbered throughout.
            verbose: What `model.fit` takes; with 0 nothing is printed.
            on_phase: A function that is called with each phase before it begins.
            resume: The folder of the run, see `Builder.fit`.
            on_interrupt: What an interrupt does, see `Builder.fit`.
            reference: Whether the held-out items are measured at the end, see `Builder.fit`.
            time_limit: The seconds that it may take, see `Builder.fit`; or a limit that has begun.

        Raises:
            ValueError: It was run before, nothing could be trained, or the folder is of another.
            OSError: The folder cannot be used.
            KeyboardInterrupt: It was interrupted; where an epoch had ended, `.fitted` is the model.
        """
        watching = as_callbacks(callbacks)
        check_callbacks(watching, self.schedule)
        check_interrupts(on_interrupt)
        limit = TimeLimit.of(time_limit)
        watching = among_processes(self.network, self.data, watching, resume, limit)
        if self.network.model in _begun:  # also a training that failed has changed its network
            raise ValueError("This training's network was trained before: prepare another one.")
        _begun.add(self.network.model)
        if limit:
            self.arguments["time_limit"] = limit.seconds
        if verbose:
            print(data_line(self.loaded))
        found: list[Reference | None] = []
        evaluations: list[Evaluation | None] = []
        started = time.process_time()
        scoring = HeldOutScore(self.network.model, self.kind, self.encoding, self.data.validation)

        def measure(given: PhaseInput, left_out: LeftOut | None) -> None:
            seconds = time.process_time() - started
            if reference:
                found.append(refer(given, left_out, self.data, self.kind, self.encoding, seconds))
            evaluations.append(last_evaluation(given, scoring))

        with working(verbose, expected=None), self._resumed(resume, watching) as resumption:
            current().limit = limit.left if limit else None
            baseline = baseline_of(scoring, self.data.batch_size, self.job.pretrained)
            seed = resumption.folder.seed if resumption else processes().seed()
            runner = PhaseRunner(
                network=self.network,
                layers=self.layers,
                settings=self.settings,
                objective=self.objective,
                scoring=scoring,
                data=self.data if self.data.seed is not None else replace(self.data, seed=seed),
                results=self.job.results,
                storage=self.storage,
                callbacks=watching,
                verbose=as_verbosity(verbose),
                ahead=self.ahead(),
                on_phase=on_phase,
                resumption=resumption,
                on_trained=measure,
                limit=limit,
            )
            with divided_batches(self.data.batch_size):
                history = runner.run(self.schedule.phases(self.job))
        say_unused_rate(self.job)
        held_out = next(iter(evaluations), None)
        fitted = FittedModel(
            model=self.widened(),
            kind=self.kind,
            encoding=decided_by(self.encoding, held_out) if held_out else self.encoding,
            history=history,
            phases=tuple(self.job.results),
            outline=replace(self._outline(watching, held_out), baseline=baseline),
            skipped=self.data.train.skipped,
            reference=found[-1] if found else None,
            held_out=self.data.validation,
            builder=self.builder,
        )
        if runner.cut_short_by is not None:
            hand_over(runner.cut_short_by, fitted, on_interrupt)
        for made in found if verbose else ():
            words = made.summary if made else "none was made; tl.make_reference makes one"
            print(f"Reference for monitoring: {words}.")
        return fitted

    def ahead(self) -> Ahead:
        """Plans the phases, as far as they are known before the first of them."""
        solves = self.objective.solver is not None and self.data.mixup == 0
        parts = self.network, self.layers, self.data
        return Ahead.of(*parts, self.schedule, self.job, solves=solves)

    @contextlib.contextmanager
    def _resumed(
        self, folder: str | os.PathLike[str] | None, callbacks: Sequence[keras.callbacks.Callback]
    ) -> Iterator[Resumption | None]:
        """Opens the folder of the run, if there is one, and gives what takes the run up."""
        if folder is None:
            yield None
            return
        say_inexact(callbacks)
        run = RunFolder(folder)
        with run.opened(self._description(callbacks)):
            weights = (weight for layer in self.network.layers for weight in layer.weights)
            yield Resumption(
                folder=run,
                network=self.network,
                augmentation=self.data.augmentation,
                callbacks=callbacks,
                still=frozenset(map(id, weights) if self.job.pretrained else ()),
            )

    def _description(self, callbacks: Sequence[keras.callbacks.Callback]) -> Json:
        """Describes all that the weights depend on."""
        return {
            "versions": versions(),
            "builder": settings_of(self.builder, self.schedule, ()),
            "backbone": {
                "name": self.backbone.name,
                "source": self.backbone.source,
                "weights": digest_of_weights(self.network) if self.job.pretrained else None,
            },
            "task": {"name": self.encoding.name, **self.encoding.settings()},
            "fit": {
                "epochs": self.job.epochs,
                "batch_size": self.data.batch_size,
                "cache_dtype": self.storage.dtype,
                "trunk_dtype": self.storage.trunk_dtype,
                "callbacks": describe_callbacks(callbacks),
                "code_of_loss_and_metrics": digests_of_code(self.settings),
            },
            "data": describe_data(self.data),
        }

    def widened(self) -> keras.Model:
        """Returns the model, made to take items of any length if the kind has such items."""
        # Trained at one length, since stored features need a shape.
        fixed = all(None not in spec.shape for spec in self.kind.inputs().values())
        return self.network.model if fixed else of_any_length(self.network.model)

    def _outline(
        self, callbacks: Sequence[keras.callbacks.Callback], scores: Evaluation | None
    ) -> Outline:
        """Records how the model was trained, for the fitted model."""
        train, held_out = self.data.train, self.data.validation
        return Outline(
            backbone=self.backbone.name,
            source=self.backbone.source,
            batch_size=self.data.batch_size,
            settings=settings_of(self.builder, self.schedule, callbacks),
            backbone_layers=len(self.layers),
            train_items=train.count,
            validation_items=None if held_out is None else held_out.count,
            interval=scores.intervals.get(self.encoding.score.name) if scores else None,
            balanced_accuracy=scores.figures.get("balanced_accuracy") if scores else None,
            blocks={b.name: [self.layers[i].name for i in b.layers] for b in self.layers.blocks},
            licence=self.backbone.licence,
            builder=class_name(type(self.builder)),
            epochs=self.job.epochs,
            arguments=self.arguments,
            data=data_record(train),
        )
