"""Runs the phases of a training, one after the other."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import keras

from transferlearn.assembling import Network
from transferlearn.data.iterating import without_retracing_advice
from transferlearn.features import Storage
from transferlearn.freezing import Layers
from transferlearn.schedules import Phase, PhaseResult
from transferlearn.tasks import Objective
from transferlearn.training.ahead import Ahead
from transferlearn.training.compiled import CompiledPhase
from transferlearn.training.compiling import CompileSettings, compile_network, set_trainable
from transferlearn.training.held_out_score import HeldOutScore
from transferlearn.training.histories import PhaseOutcome, join
from transferlearn.training.inputs import InputPreparer, PhaseInput, TrainingData
from transferlearn.training.keeping import Keeping
from transferlearn.training.limit import OutOfTimeError, StopsInTime, TimeLimit
from transferlearn.training.lost_loss import report_lost_loss
from transferlearn.training.memory import in_parts_that_fit
from transferlearn.training.pace import set_pace, set_shares
from transferlearn.training.resumption import Resumption
from transferlearn.training.solving import LeftOut, Refitted, solve, why_not_solved
from transferlearn.training.stand_in import end_early, fit, plain_failures, restores
from transferlearn.types import Verbose


@dataclass(kw_only=True)
class PhaseRunner:
    """Trains a network phase after phase, and adds the result of each to a list.

    Attributes:
        network: The network to train; it is changed.
        layers: The layers of the backbone, as freezing strategies see them.
        settings: The optimizer, its rate and what becomes of BatchNorm.
        objective: The loss, the metrics and the solver of the head.
        scoring: What scores the held-out items, by the score that ranks weights.
        data: The data to train on.
        results: The list that each phase's result is added to.
        storage: When and where the output of frozen layers is stored.
        callbacks: Keras callbacks; they see `network.model`, and epochs counted over all phases.
        verbose: What Keras's callbacks are told is shown, as in `model.fit`.
        ahead: What shows how far the training has come.
        on_phase: A function that is called with each phase before it begins, or `None`.
        resumption: What takes the training up and writes down where it is, or `None`.
        on_trained: A function that is called with the last phase's input, and with what a solved
            head gives for items left out, before it is solved on held-out items, too; or `None`.
        limit: When the training has to end, or `None`.
        cut_short_by: What was raised once something was trained, such as an interrupt, or `None`.
    """

    network: Network
    layers: Layers
    settings: CompileSettings
    objective: Objective
    scoring: HeldOutScore
    data: TrainingData
    results: list[PhaseResult]
    storage: Storage
    callbacks: list[keras.callbacks.Callback]
    verbose: Verbose
    ahead: Ahead
    on_phase: Callable[[Phase], None] | None = None
    resumption: Resumption | None = None
    on_trained: Callable[[PhaseInput, LeftOut | None], None] | None = None
    limit: TimeLimit | None = None
    cut_short_by: BaseException | None = field(default=None, init=False)
    _refitted: Refitted = field(default_factory=dict, init=False)
    _left_out: LeftOut | None = field(default=None, init=False)
    _last: PhaseInput | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._preparer = InputPreparer(self.data, self.storage, self._go_on)
        self._restoring = [callback for callback in self.callbacks if restores(callback)]
        self._joined = keras.callbacks.History()
        self._joined.on_train_begin()  # makes the list of epochs
        self._joined.set_model(self.network.model)

    @without_retracing_advice()
    def run(self, phases: Iterator[Phase]) -> keras.callbacks.History:
        """Trains until there are no more phases, time is up, or the loss is lost.

        Args:
            phases: The phases; each is asked for when the result of the one before is known.

        Returns:
            One Keras `History` of all phases.

        Raises:
            ValueError: There is no phase, or the loss is lost before an epoch is known to be good.
            Exception, KeyboardInterrupt: Something was raised before anything had been trained.
        """
        if self.resumption:
            joined = self._joined, self._refitted
            if ended := self.resumption.take_up(phases, self.results, *joined, self.compile):
                self._say(f"Resumed: {ended} had ended.")
        for phase in phases:
            if self._restoring and phase.keep == "best":
                phase = replace(phase, keep="last", patience=None)  # what a callback restores
            if self.on_phase:
                self.on_phase(phase)
            try:
                goes_on = self._run_one(phase)
            except OutOfTimeError:
                self._leave_out(self.ahead.left_out(phase, len(self.results)))
                break
            except (Exception, KeyboardInterrupt) as error:
                if not self.results:
                    raise
                self.cut_short_by = error
                break
            if self.resumption and not self.results[-1].left_out:
                self.resumption.write_start(self.results, self._joined, self._refitted)
            if not goes_on:
                break
        if not self.results:
            raise ValueError("The schedule gave no phase, so nothing was trained.")
        if self.on_trained and self._last:
            self.on_trained(self._last, self._left_out)
        if self.limit and (seconds := self.limit.exceeded_by()):
            self._say(f"The time limit was exceeded by {seconds:.0f} s.")
        # A head that no later phase trained ends as it was solved on all items, those held out too.
        for weight in self.network.model.trainable_weights:
            if id(weight) in self._refitted:
                weight.assign(self._refitted[id(weight)])
        return self._joined

    def _run_one(self, phase: Phase) -> bool:
        """Trains one phase, and says whether another may follow: not once loss or time ends all."""
        compiled = self.compile(phase)
        self._go_on()
        self.ahead.begin(phase, len(self.results))
        self._say(f"Phase {len(self.results) + 1}: {compiled.outline(phase, self.data)}")
        started = time.monotonic()
        self._last = given = self.prepare(phase, compiled)
        keeping = self._keeping(phase)
        try:
            outcome = self._train(phase, compiled, given, keeping)
        except (Exception, KeyboardInterrupt):
            history = end_early(self.network.model, given.model, keeping)
            if history is not None:
                outcome = PhaseOutcome(self._whole(history), keeping.metrics, None)
                self._add_result(compiled, given, keeping, outcome, started)
            raise
        self._add_result(compiled, given, keeping, outcome, started)
        if keeping.lost is None:
            return not outcome.left_out
        went_back = phase.keep == "better" and keeping.kept_epoch == 0
        report_lost_loss(keeping, went_back, compiled.rate, given, self.data.train.names)
        return went_back

    def _add_result(
        self,
        compiled: CompiledPhase,
        given: PhaseInput,
        keeping: Keeping,
        outcome: PhaseOutcome,
        started: float,
    ) -> None:
        """Prints what a phase came to, and adds it to the results and to the joined history."""
        if keeping.kept_epoch != 0 and not outcome.head:
            self._refitted, self._left_out = {}, None  # the head was trained further
        if outcome.head:
            self._say(f"Head: {outcome.head}.")
        if keeping.note:
            self._say(f"Kept: {keeping.note}.")
        join(self._joined, outcome.history)
        self.results.append(outcome.result(compiled, given, keeping, started))
        if outcome.left_out:
            self._leave_out(outcome.left_out)

    def _leave_out(self, words: str) -> None:
        """Prints what the time limit leaves out, and notes it in the last result."""
        self._say(f"Left out by the time limit: {words}.")
        self.results[-1] = replace(self.results[-1], left_out=words)

    def _go_on(self) -> None:
        """Raises `OutOfTimeError` where time is up and what was trained by now can be kept."""
        taken_up = self.resumption and self.resumption.within
        if self.limit and self.results and not taken_up and self.limit.left() <= 0:
            raise OutOfTimeError

    def compile(self, phase: Phase) -> CompiledPhase:
        """Freezes and compiles the network for one phase."""
        mask = self.layers.frozen_by(phase.freeze)
        set_trainable(self.network, mask, batch_norm=self.settings.batch_norm)
        self._compile_model(phase)
        rate = float(keras.ops.convert_to_numpy(self.network.model.optimizer.learning_rate))
        wanted, reason = phase.fit == "solve", ""
        if wanted:
            reason = why_not_solved(self.network, self.objective, mixed=self.data.mixup > 0)
        return CompiledPhase(
            network=self.network,
            mask=mask,
            rate=rate,
            solved=wanted and not reason,
            not_solved=reason,
        )

    def prepare(self, phase: Phase, compiled: CompiledPhase) -> PhaseInput:
        """Prepares the input of one phase, and prints what is stored, or why nothing is."""
        number = len(self.results)
        cut = self.resumption.folder.cut(number) if self.resumption else None
        given = self._preparer.prepare(
            self.network,
            compiled.mask,
            epochs=max(phase.epochs, 2 * compiled.solved),  # a head is solved, and then measured
            phase=number,
            augmented=phase.augmented and not compiled.solved,
            with_mirrored=compiled.solved,
            cut=cut,
        )
        if self.resumption:
            self.resumption.freed(compiled)
            self.resumption.prepared(number, given)
        self._say(f"Cache: {given.stored or f'nothing is stored: {given.not_stored}'}.")
        return given

    def _keeping(self, phase: Phase) -> Keeping:
        """Makes the callback that decides which weights the phase ends with."""
        solved = [result.solved.loss for result in self.results if result.solved]
        return Keeping(
            phase,
            self.scoring.score,
            self.results[-1].metrics if self.results else {},
            begun=len(self._joined.epoch),
            held_out=self.data.validation.count if self.data.validation else None,
            guard=solved[-1] if solved else None,
            restoring=self._restoring,
        )

    def _train(
        self, phase: Phase, compiled: CompiledPhase, given: PhaseInput, keeping: Keeping
    ) -> PhaseOutcome:
        """Solves the head or takes gradient steps, as the phase asks, and gives what came of it."""
        network, number, begun = self.network, len(self.results), len(self._joined.epoch)
        in_time: list[StopsInTime] = []
        options: dict[str, Any] = {"metrics": self.objective.metrics(), "verbose": self.verbose}
        shown = self.ahead.trained(phase, number, begun, self.callbacks)
        with plain_failures(given.batches), shown as callbacks:
            first = self.scoring.callbacks(given, callbacks)
            if compiled.solved and self.objective.solver:
                solver = self.objective.solver
                options |= {"initial_epoch": begun, "callbacks": [*first, *callbacks]}
                solution = solve(network, given, solver, self.data, **options)
                self._refitted, self._left_out = solution.refitted, solution.left_out
                metrics = {name: v[-1] for name, v in solution.history.history.items()}
                return PhaseOutcome(solution.history, metrics, solution.head)

            def train(parts: int) -> keras.callbacks.History:
                """Takes the gradient steps of the phase, each batch in so many parts."""
                if parts > 1:
                    self._compile_model(phase, parts)
                set_pace(network.model.optimizer, phase, compiled.rate, given.batches.train)
                set_shares(network, self.layers.blocks, phase)
                batches, recorder = given.batches.in_parts(parts), None
                if self.resumption:
                    recorder = self.resumption.recorder(
                        number, given.model, batches, keeping, parts
                    )
                if self.limit:
                    words = partial(self.ahead.left_out, phase, number)
                    whole = given.stored is not None and not number
                    in_time.append(StopsInTime(self.limit, batches, recorder, words, begun, whole))
                steps: dict[str, Any] = {"begun": begun, "epochs": phase.epochs, **options}
                steps |= {"keeping": keeping, "recorder": recorder, "in_time": in_time[-1:]}
                steps |= {"first": first, "callbacks": callbacks}
                return self._whole(fit(network.model, given.model, batches, **steps))

            size, parts = self.data.batch_size, self.resumption.parts if self.resumption else 1
            history = in_parts_that_fit(train, keeping, batch_size=size, parts=parts)
        return PhaseOutcome(history, keeping.metrics, None, in_time[-1].left_out if in_time else "")

    def _whole(self, history: keras.callbacks.History) -> keras.callbacks.History:
        """Adds the epochs that an earlier process had trained in the same phase."""
        begun = len(self._joined.epoch)
        return self.resumption.whole(history, begun) if self.resumption else history

    def _compile_model(self, phase: Phase, parts: int = 1) -> None:
        """Compiles the model for a phase, to add up the gradients of so many steps."""
        compile_network(
            self.network,
            self.settings,
            self.objective,
            learning_rate=phase.learning_rate,
            weight_decay=phase.weight_decay,
            clip_norm=phase.clip_norm,
            parts=parts,
        )

    def _say(self, line: str) -> None:
        """Prints a line, unless `verbose` is 0."""
        if self.verbose:
            print(line)
