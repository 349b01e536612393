"""Runs an exported file on real items beside Keras, and refuses what answers otherwise."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transferlearn.data import Dataset
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.iterating import iterate
from transferlearn.data.messages import quiet
from transferlearn.edge import Runner
from transferlearn.edge.filling import joined_rows
from transferlearn.edge.runner import as_dtype
from transferlearn.edge.runtimes import open_runtime
from transferlearn.exporting.formats import FORMATS
from transferlearn.exporting.limits import check_floats, check_int8, most_of
from transferlearn.fitted import FittedModel
from transferlearn.progress import stage
from transferlearn.tables import as_table

Arrays = dict[str, np.ndarray]

MOST = 1000  # items that a check looks at
_MOST_NUMBERS = 2**24  # of all their outputs, which are in memory; masks have many
_BATCH = 32
_RUNS = 20  # of one item, of which the median time is taken
_TURNS = 50  # of float32 and int8, of which the median times are taken
_FLAT = 1e-3  # outputs that differ by less than this share between items prove nothing


@dataclass(frozen=True, kw_only=True)
class Checked:
    """Holds what came out where the exported file and Keras ran on the same items.

    Attributes:
        items: How many rows both ran on.
        difference: The largest difference of outputs, as a share of their range.
        equal: The share of answers that are equal.
        score: The name of the score, such as `"accuracy"`.
        keras_score: The score of the Keras model on these items.
        exported_score: The score of the exported file on the same items.
        megabytes: The size of the exported model.
        keras_megabytes: The size of the Keras model's weights.
        milliseconds: The median time of one item in the exported file's runtime, on this machine.
        keras_milliseconds: The same for the Keras model.
        speed_up: For int8, how many times as fast it is as float32 in the same runtime, for one
            item on one thread of this machine.
        plain_difference: The largest difference on this machine where the runtime opens the file
            with its own settings; `None`: those are the settings of `tl.edge.Runner`.
    """

    items: int
    difference: float
    equal: float
    score: str
    keras_score: float
    exported_score: float
    megabytes: float
    keras_megabytes: float
    milliseconds: float
    keras_milliseconds: float
    speed_up: float | None = None
    plain_difference: float | None = None

    def __str__(self) -> str:
        rows = [
            ("", "Keras", "exported"),
            (self.score, f"{self.keras_score:.4f}", f"{self.exported_score:.4f}"),
            ("megabytes", f"{self.keras_megabytes:.1f}", f"{self.megabytes:.1f}"),
            ("milliseconds an item", f"{self.keras_milliseconds:.1f}", f"{self.milliseconds:.1f}"),
            ("equal answers", "", f"{self.equal:.2%}"),
            ("largest difference, of the range", "", f"{self.difference:.2g}"),
        ]
        if self.plain_difference is not None:
            rows.append(("the same by the runtime's settings", "", f"{self.plain_difference:.2g}"))
        if self.speed_up is not None:
            rows.append(("times as fast as float32 there", "", f"{self.speed_up:.2f}"))
        return f"On {self.items:,} items:\n{as_table(rows, right=(1, 2))}"


def check(
    fitted: FittedModel,
    folder: Path,
    dataset: Dataset,
    *,
    quantize: str | None,
    limit: float | None,
    plain: Path | None = None,
) -> Checked:
    """Compares an export with its model on items with targets.

    Args:
        fitted: The model.
        folder: The exported folder.
        dataset: The items, with targets; at most `MOST` of them are looked at, and fewer masks.
        quantize: How the export was quantized, which decides what may differ.
        limit: The most that may differ; `None`: what is usual.
        plain: A folder with the same model in the same format in float32, to compare times with.

    Raises:
        ValueError: More differs, or the items prove nothing, since all get about the same answer.
    """
    runner, answerer = Runner(folder, trusted=True), fitted.answerer()
    most = min(MOST, max(_BATCH, _MOST_NUMBERS // _numbers(fitted, dataset.shape)))
    few = dataset.at_most(most) if isinstance(dataset, ItemDataset) else dataset
    runtime = FORMATS[runner.description.format].by_its_settings(folder)
    runs = [runner.run] if runtime is None else [runner.run, runtime.run]
    inputs, expected, (found, *others), targets = _run_all(fitted, runner, runs, few)
    reader = fitted.encoding.output_reader()
    _check_telling(expected)
    difference, *plain_differences = (reader.difference(expected, o) for o in (found, *others))
    scores = [_score(fitted, outputs, targets) for outputs in (expected, found)]
    one = {name: array[:1] for name, array in inputs.items()}
    checked = Checked(
        items=len(targets),
        difference=difference,
        equal=float(reader.same(expected, found, 0.0).mean()),
        score=fitted.encoding.score.name,
        keras_score=scores[0],
        exported_score=scores[1],
        megabytes=size(folder / runner.description.model) / 1e6,
        keras_megabytes=megabytes(fitted),
        milliseconds=milliseconds(lambda: runner.run(one)),
        keras_milliseconds=milliseconds(lambda: answerer(_as_keras(one))),
        speed_up=None if plain is None else _speed_up(fitted, runner, (plain, folder), one),
        plain_difference=next(iter(plain_differences), None),
    )
    if quantize == "int8":
        guess = None if few.targets is None else fitted.encoding.scoring.baseline(few.targets)
        check_int8(checked, reader, fitted.encoding.score, guess, limit)
    else:
        allowed = most_of(quantize, limit)
        check_floats(checked, reader.same(expected, found, allowed), allowed)
    return checked


def _numbers(fitted: FittedModel, shape: tuple[int, ...]) -> int:
    """Counts the numbers that the model gives for an item of this shape."""
    of_each = [output.shape[1:] for output in fitted.model.outputs]
    return sum(int(np.prod([shape[0] if n is None else n for n in sides])) for sides in of_each)


def _run_all(
    fitted: FittedModel,
    runner: Runner,
    runs: Sequence[Callable[[Arrays], Arrays]],
    dataset: Dataset,
) -> tuple[Arrays, Arrays, list[Arrays], np.ndarray]:
    """Returns the inputs of the first batch, the outputs of Keras and of each run, and the targets.

    Files are read by the runner itself, so that a difference in reading is found, too, unless what
    the model gets is made of them.
    """
    answerer = fitted.answerer()
    first: Arrays = {}
    expected, targets, begin = [], [], 0
    found: list[list[Arrays]] = [[] for _ in runs]
    batches = iterate(dataset.batches(batch_size=_BATCH, encode=fitted.encoding.scoring.raw))
    with stage("checking", dataset.size, dataset.noun) as checked:
        for x, y, *_ in batches:
            count = len(np.asarray(y))
            expected.append(answerer.named(x))
            inputs = inputs_of(fitted, runner, dataset, x, begin)
            for outputs, run in zip(found, runs, strict=True):
                outputs.append(run(inputs))
            targets.append(np.asarray(y))
            first, begin = first or inputs, begin + count
            checked.advance(count)
    return first, _joined(expected), [_joined(each) for each in found], joined_rows(targets, -1)


def inputs_of(
    fitted: FittedModel, runner: Runner, dataset: Dataset, x: object, begin: int
) -> Arrays:
    """Returns what the runner takes for a batch, by name; it reads files by itself where it can.

    Args:
        fitted: The model.
        runner: Runs what was exported.
        dataset: The dataset.
        x: The batch as Keras takes it.
        begin: The number of its first row.
    """
    specs, listed = runner.description.inputs, x if isinstance(x, (tuple, list)) else (x,)
    arrays = dict(zip(specs, listed, strict=True))
    one_row_each = len(dataset.paths or ()) == dataset.size
    by_file = one_row_each and fitted.kind.predicts_as_read and runner.item_reader.reads_files
    if by_file and dataset.paths:
        count = len(np.asarray(listed[0]))
        files = [Path(path) for path in dataset.paths[begin : begin + count]]
        arrays = runner.item_reader.read(files).arrays
    return {name: as_dtype(arrays[name], spec.dtype) for name, spec in specs.items()}


def megabytes(fitted: FittedModel) -> float:
    """Returns the size of a model's weights."""
    sizes = (int(np.prod(w.shape)) * np.dtype(w.dtype).itemsize for w in fitted.model.weights)
    return sum(sizes) / 1e6


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Puts the outputs of all batches into one array for each."""
    return {
        name: joined_rows([part[name] for part in parts]).astype(np.float64) for name in parts[0]
    }


def _check_telling(expected: Mapping[str, np.ndarray]) -> None:
    """Refuses outputs that are about the same for all items, where a broken file looks right."""
    for name, rows in expected.items():
        if np.ptp(rows, axis=0).max() <= _FLAT * np.abs(rows).max():
            raise ValueError(
                f"The model gives about the same {name} for all {len(rows)} items, so a comparison "
                "on them proves nothing. Train the model, or check it on items that differ more."
            )


def _score(fitted: FittedModel, outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> float:
    """Returns the score of outputs."""
    encoding = fitted.encoding
    rows = encoding.output_reader().as_values(outputs)
    with quiet():  # a class that is missing here does not matter
        return float(encoding.scoring.measure(rows, targets)[encoding.score.name])


def size(path: Path) -> int:
    """Counts the bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path, *path.parent.glob(f"{path.stem}.bin")]
    return sum(file.stat().st_size for file in files if file.is_file())


def milliseconds(run: Callable[[], object]) -> float:
    """Returns the median time that a call takes, in milliseconds."""
    run()
    times = []
    for _ in range(_RUNS):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return float(np.median(times)) * 1e3


def _speed_up(
    fitted: FittedModel,
    runner: Runner,
    folders: tuple[Path, Path],
    one: Mapping[str, np.ndarray],
) -> float:
    """Returns how many times as fast as the first export the second is, on one thread."""
    described = runner.description
    dtypes = {tensor.name: str(tensor.dtype) for tensor in fitted.model.inputs}
    given = ({name: array.astype(dtypes[name]) for name, array in one.items()}, one)
    runtimes = [open_runtime(described.format, f / described.model, 1, True) for f in folders]
    taken: list[list[float]] = [[], []]
    for _ in range(_TURNS):  # in turns, and in processor time, since others may use the machine
        for times, runtime, arrays in zip(taken, runtimes, given, strict=True):
            begun = time.process_time()
            runtime.run(arrays)
            times.append(time.process_time() - begun)
    slow, fast = map(np.median, taken)
    return float(slow / max(fast, 1e-9))


def _as_keras(arrays: Mapping[str, np.ndarray]) -> Any:
    """Returns arrays by name as Keras takes them: one, or a list."""
    listed = list(arrays.values())
    return listed[0] if len(listed) == 1 else listed
