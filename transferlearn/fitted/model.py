"""Holds a trained Keras model with what it needs to predict, be scored and be saved."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, overload

import keras
from PIL import Image

from transferlearn import data
from transferlearn.data.dataset import Dataset
from transferlearn.data.kind import Kind
from transferlearn.data.messages import notice
from transferlearn.fitted.adapters import Adapters
from transferlearn.fitted.calibrating import calibrate
from transferlearn.fitted.calibration import Calibration
from transferlearn.fitted.generating import generated, streamed
from transferlearn.fitted.hub import push
from transferlearn.fitted.leakage import TOO_GOOD, doubts_of
from transferlearn.fitted.outline import Outline
from transferlearn.fitted.outputs import evaluated, predicted
from transferlearn.fitted.reliable_score import KnownScore, in_words, known_score
from transferlearn.fitted.saving import write_save
from transferlearn.fitted.showing import html_of, kept_epoch, line_of
from transferlearn.fitted.signing import PrivateKey
from transferlearn.fitted.tiles import evaluated_in_tiles, in_tiles
from transferlearn.fitted.transcribing import transcribed
from transferlearn.fitted.untrained import beside_untrained
from transferlearn.fitted.windows import in_windows
from transferlearn.monitoring import Reference
from transferlearn.progress import working
from transferlearn.schedules import PhaseResult
from transferlearn.tasks import Answerer, Encoding, Evaluation
from transferlearn.types import Prediction, Source

Tile = int | tuple[int, int] | None


@dataclass(kw_only=True, repr=False)
class FittedModel(Generic[Prediction]):
    """Holds a trained model, with the way its items are read and the meaning of its outputs.

    Attributes:
        model: A plain, flat `keras.Model`: for images it takes raw RGB pixels in [0, 255], of shape
            `(batch, height, width, 3)`, for texts token ids, int32 `(batch, tokens)`.
        kind: The kind that reads items: images of one size, or texts and their tokenizer.
        encoding: The encoding, which holds what was learnt of the targets, such as class names.
        history: A Keras `History` of all phases, whose epochs are numbered through.
        phases: The result of each phase.
        outline: The outline, which tells how the model was trained.
        skipped: The items to train on that were left out, with the reasons.
        reference: What held-out items were like, for `tl.monitor`; `None` where none were.
        temperature: The number by which `calibrate` divided the logits; 1: it was not called.
        held_out: The items that were held out, for `tl.export` to check on; a save has none.
        calibration: What the last call of `calibrate` did; `None`: nothing, or it is not known.
        builder: The builder that it was trained by, for `tl.doubt`; a save has none.
    """

    model: keras.Model
    kind: Kind
    encoding: Encoding[Prediction]
    history: keras.callbacks.History
    phases: tuple[PhaseResult, ...]
    outline: Outline
    skipped: tuple[data.Skipped, ...] = ()
    temperature: float = 1.0
    reference: Reference | None = None
    held_out: Dataset | None = None
    calibration: Calibration | None = None
    builder: Any = None
    _answering: tuple[keras.Model, object, Answerer] | None = field(default=None, init=False)

    def answerer(self, **options: object) -> Answerer:
        """Returns what answers batches of items, see `Encoding.answerer`; the last one is kept."""
        kept = self._answering
        if kept is None or kept[0] is not self.model or kept[1] != (self.encoding, options):
            made = self.encoding.answerer(self.model, self.kind, **options)
            self._answering = kept = self.model, (self.encoding, options), made
        return kept[2]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names in the order of the outputs; `AttributeError` if there are none."""
        names: tuple[str, ...] | None = getattr(self.encoding, "class_names", None)
        if names is None:
            raise AttributeError(f"A model of {self.encoding.name} has no classes.")
        return names

    @property
    def epoch(self) -> int:
        """The number of the kept epoch, counted from 1 over all phases.

        With an EMA, the weights are an average over this epoch and those before it.
        """
        return kept_epoch(self.phases)

    @property
    def adapters(self) -> Adapters:
        """The network's low-rank updates, to be saved, loaded or merged."""
        return Adapters(self)

    @property
    def reliable_score(self) -> str:
        """The score that training measured of this model, or how to measure one, in words."""
        return in_words(self.known_score, "fitted.evaluate(test)")

    @property
    def known_score(self) -> KnownScore | None:
        """The score that training measured of held-out items, or in cross-validation; or `None`.

        That of cross-validation holds unless the network was trained after its head was solved.
        """
        return known_score(self.encoding.score, self.phases, self.outline, self.kind.noun)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({line_of(self)})"

    def _repr_html_(self) -> str:
        """Returns tables of what the model is and how it was trained, for notebooks."""
        return html_of(self)

    @overload
    def predict(
        self, items: object, *, windows: float, hop: float | None = ..., on_error: str = ...
    ) -> Any: ...

    @overload
    def predict(self, items: str | Path | Image.Image, **options: Any) -> Prediction: ...

    @overload
    def predict(self, items: list[Any] | tuple[Any, ...], **options: Any) -> list[Prediction]: ...

    @overload
    def predict(self, items: object, **options: Any) -> Prediction | list[Prediction]: ...

    def predict(
        self,
        items: object,
        *,
        on_error: str = "skip",
        tile: Tile = None,
        windows: float | None = None,
        hop: float | None = None,
        **options: Any,
    ) -> Any:
        """Predicts the class, the tags, the numbers or the mask of one item or of several.

        Args:
            items: Images: a path, a list of paths, a folder, a PIL image or a list of them, an
                array `(height, width, 3)` or `(batch, height, width, 3)` of raw pixels in [0, 255],
                or a dataset. Texts: a string, a list or an array of strings, a `Path` of a `.txt`
                file, of a folder of them or a list of such files, or a `tf.data.Dataset` of
                strings. Or what `kind.unlabelled` returned.
            on_error: What to do with a broken file among several: `"skip"` or `"raise"`.
            tile: For boxes or masks of large photos, the side in pixels, or the `(height, width)`,
                of tiles that they are cut into. A tile is resized as a whole photo is, so take the
                size of those trained on. Tiles overlap by a quarter; masks are blended there.
            windows: For long recordings, the length in seconds of windows that they are cut into.
                Each is predicted on as a recording of its own, and read when it is its turn.
            hop: The seconds from one window to the next; by default half a window.
            options: What else the task's answers depend on; most tasks take nothing.

        Returns:
            A prediction for a single item, else a list of them, in order, without skipped items;
            `path` says whose each is. With `windows`, a list of `tl.edge.Window` for each
            recording: `start` and `end` in seconds, and the `prediction`.

        Raises:
            OSError: There is no such file.
            ValueError: A single item cannot be read, or a setting is not for this model.

        Example:
            fitted.predict("photo.jpg").class_name
        """
        answerer = self.answerer(**options)
        if tile is not None:
            return in_tiles(self, items, tile, on_error)
        if windows is not None or hop is not None:
            return in_windows(self, items, windows, hop, on_error)
        return predicted(self, items, answerer, on_error)

    def generate(self, prompts: object, *, stream: bool = False, **options: object) -> Any:
        """Goes on with prompts as `predict` does, with other settings of `tl.edge.Sampling`.

        With `stream`, it yields pieces of text behind one prompt as soon as they are written.
        """
        return (streamed if stream else generated)(self, prompts, **options)

    def transcribe(self, recordings: object, *, on_error: str = "skip", **options: object) -> Any:
        """Writes down what is said in recordings of any length, which are what `predict` takes.

        Returns:
            A `tl.edge.Transcript` with `text`, `segments`, `srt()` and `vtt()`, or a list of them.
        """
        return transcribed(self, recordings, on_error, options)

    def evaluate(
        self, labelled: Source, *, on_error: str = "skip", tile: Tile = None
    ) -> Evaluation:
        """Scores the model on items with targets.

        Args:
            labelled: Whatever `fit` takes: a folder, arrays, a table or a dataset.
            on_error: What to do with items that cannot be used: `"skip"` or `"raise"`.
            tile: For boxes or masks of large photos, as for `predict`.

        Returns:
            Figures by key and attribute, with intervals, such as `accuracy`, the model's values,
            targets and paths of the items; of a language model, the pretrained network's, too.

        Raises:
            ValueError: The model does not know a target, such as a new class, or gives NaN.
        """
        with working(expected=None) as work:
            dataset = data.load(labelled, self.kind, self.encoding.target, on_error=on_error)
            work.expect(0.0)
            for doubt in doubts_of(self, dataset, TOO_GOOD):
                notice(doubt)
            if tile is not None:
                return evaluated_in_tiles(self, dataset, tile)
            return beside_untrained(self, dataset, evaluated(self, dataset))

    def show_results(self, labelled: Source, *, count: int = 12) -> Any:
        """Draws items with answers and truths as a figure, see `tl.plotting.show_results`."""
        from transferlearn import plotting  # it stands above this package, whose models it draws

        return plotting.show_results(self, labelled, count=count)

    def calibrate(self, labelled: Source, *, on_error: str = "skip") -> Calibration:
        """Makes a classifier's probabilities say how often it is right, by temperature scaling.

        When to use it: before somebody acts on probabilities. Fine-tuned networks are mostly too
        sure. All answers stay the same. From now on this `FittedModel` has another `model`, in
        which the logits are divided by a temperature. The one that it had stays as it was; the new
        one shares all other layers with it, and is not compiled.

        Args:
            labelled: Whatever `evaluate` takes: items that it was neither trained nor is tested on.
            on_error: What to do with items that cannot be used.

        Returns:
            The temperature, and the log-loss and the calibration error before and after.

        Raises:
            ValueError: The task has no probabilities, or the model gives NaN.

        Reference: Guo et al., [On calibration](https://arxiv.org/abs/1706.04599).
        """
        return calibrate(self, labelled, on_error)

    def save(
        self,
        path: str | Path,
        *,
        evaluation: Evaluation | None = None,
        sign: "PrivateKey | None" = None,
    ) -> None:
        """Writes `model.keras` and its description, `transferlearn.json`, into the folder `path`.

        The model is a plain Keras file: `keras.models.load_model(path / "model.keras")` works where
        this package is not installed. An earlier save is replaced once the new one is complete.

        Args:
            path: The folder of the save, which is made.
            evaluation: What `evaluate` gave for test data, to be shown in the card, `README.md`.
            sign: The key to sign all files with, for `tl.load(path, public_key=...)`: an
                `Ed25519PrivateKey` of `cryptography`, or the path of a PEM file.

        Raises:
            OSError: `path` holds something else than a save, or cannot be written.
            ImportError: The key needs `cryptography` (`pip install -e ".[sign]"`).
            ValueError: The file of the key holds no such key.
        """
        write_save(self, Path(path), evaluation, sign)

    def push_to_hub(
        self,
        name: str,
        *,
        token: str | None = None,
        private: bool | None = None,
        evaluation: Evaluation | None = None,
        sign: "PrivateKey | None" = None,
    ) -> str:
        """Saves the model in a repository on the Hugging Face Hub, which is made if need be.

        It replaces an earlier save. `tl.load("hf://user/name")` brings the model back.

        Args:
            name: The repository, `"user/name"`.
            token: An access token that may write; by default the one that `hf auth login` stored,
                or `HF_TOKEN`.
            private: Whether only its owner sees a new repository.
            evaluation: What to show in the model card, see `save`.
            sign: The key to sign with, see `save`.

        Returns:
            The address of the commit. Raises `OSError` if the Hub refuses it or is out of reach.
        """
        return push(self, name, token=token, private=private, evaluation=evaluation, sign=sign)
