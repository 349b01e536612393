"""Takes a training up where an earlier process left it, and writes down where it is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

import keras

from transferlearn.assembling import Network
from transferlearn.data.messages import notice
from transferlearn.keras_internals import global_seed_state
from transferlearn.randomness import random_states_kept
from transferlearn.resuming import Position, RunFolder, State
from transferlearn.schedules import Phase, PhaseResult
from transferlearn.training.compiled import CompiledPhase
from transferlearn.training.inputs import PhaseInput
from transferlearn.training.keeping import Keeping
from transferlearn.training.recording import (
    Changing,
    Recorder,
    assign_all,
    random_states,
    set_random_states,
    set_states,
    states_of,
    values_of,
    variables_of,
)
from transferlearn.training.solving import Refitted
from transferlearn.training.stand_in import EpochBatches


@dataclass(kw_only=True)
class Resumption:
    """Knows the folder of a run, and all that changes in a training from phase to phase.

    Attributes:
        folder: The folder of the run.
        network: The network that is trained.
        augmentation: The layer that varies raw images, or `None`.
        callbacks: The user's callbacks.
        still: The `id`s of weights that are as they were loaded: they are not written down.
        within: The state of the phase to take up, until that goes on; else `None`.
    """

    folder: RunFolder
    network: Network
    augmentation: keras.Layer | None
    callbacks: Sequence[keras.callbacks.Callback]
    still: frozenset[int]
    within: State | None = field(default=None, init=False)
    _seed: keras.Variable = field(init=False)
    _recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        with random_states_kept():  # layers made later have the seeds that they had without a run
            self._seed = global_seed_state()

    def take_up(
        self,
        phases: Iterator[Phase],
        results: list[PhaseResult],
        history: keras.callbacks.History,
        refitted: Refitted,
        compile_for: Callable[[Phase], CompiledPhase],
    ) -> Position | None:
        """Goes through the phases that have ended, and makes everything as it was after them.

        Args:
            phases: The phases; those that have ended are taken from it.
            results: The list that the results of these phases are added to.
            history: The history of all phases, to which theirs is added.
            refitted: The weights that a solved head ends with, to which those then are added.
            compile_for: A function that freezes and compiles the network for a phase.

        Returns:
            Where the run was, or `None` where it begins.
        """
        position = self.folder.position()
        if position is None:
            self.write_start(results, history, refitted)
            return None
        start, self.within = position.start, position.within
        for ended in start["results"]:
            self.freed(compile_for(next(phases)))
            results.append(PhaseResult.read(ended))
        assign_all(self._variables(), start["variables"])
        history.epoch, history.history = start["epoch"], start["history"]
        weights = self.network.model.weights
        refitted |= {id(weights[int(i)]): value for i, value in start["refitted"].items()}
        set_states(self.callbacks, start["callbacks"])
        set_random_states(start["random"])
        return position

    def freed(self, compiled: CompiledPhase) -> None:
        """Counts the weights of layers that are free in a phase among those to write down."""
        pairs = zip(self.network.layers, compiled.mask, strict=True)
        free = [layer for layer, frozen in pairs if not frozen]
        self.still -= {id(weight) for layer in free for weight in layer.weights}

    def write_start(
        self, results: Sequence[PhaseResult], history: keras.callbacks.History, refitted: Refitted
    ) -> None:
        """Writes the state between two phases."""
        weights = enumerate(self.network.model.weights)
        state = {
            "variables": values_of(self._variables()),
            "results": [asdict(result) for result in results],
            "epoch": history.epoch,
            "history": history.history,
            "refitted": {str(i): refitted[id(w)] for i, w in weights if id(w) in refitted},
            "callbacks": states_of(self.callbacks),
            "random": random_states(),
        }
        self.folder.save_start(len(results), state)

    def prepared(self, phase: int, given: PhaseInput) -> None:
        """Writes down where phase number `phase` stores features; says if its order is unknown."""
        self.folder.save_cut(phase, given.stored.cut if given.stored else "")
        if not getattr(given.batches.train, "by_epoch", False):
            notice(
                "The order of these items is that of the stream itself, so a run that goes on may "
                "differ from one that was not stopped."
            )

    @property
    def parts(self) -> int:
        """The number of parts in which the phase to take up takes each batch."""
        return 1 if self.within is None else int(self.within["parts"])

    def recorder(
        self, phase: int, model: keras.Model, batches: EpochBatches, keeping: Keeping, parts: int
    ) -> Recorder:
        """Makes the callback that writes the states of a phase in which `model` is fitted."""
        within, self.within = self.within, None
        train = batches.train
        steps = len(train) if isinstance(train, keras.utils.PyDataset) else None
        self._recorder = Recorder(
            self.folder,
            phase,
            Changing(self._variables(model), model, keeping, self.callbacks),
            within,
            steps if getattr(train, "by_epoch", False) else None,
            parts,
        )
        return self._recorder

    def whole(self, history: keras.callbacks.History, begun: int) -> keras.callbacks.History:
        """Adds the epochs that an earlier process trained to those that this one did.

        Args:
            history: The history of a phase in this process.
            begun: The number of epochs before the phase.
        """
        return self._recorder.joined(history, begun)

    def _variables(self, *models: keras.Model) -> list[keras.Variable]:
        """Lists the variables of the network, its augmentation, `models` and Keras's own seed."""
        augmentation = [] if self.augmentation is None else [self.augmentation]
        found = variables_of([self.network.model, *augmentation, *models], self.still)
        return [*found, self._seed]
