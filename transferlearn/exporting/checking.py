"""Runs an exported file on real items beside Keras, and refuses what answers otherwise."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transferlearn.data import Dataset
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.iterating import iterate
from transferlearn.data.messages import quiet
from transferlearn.edge import OutputReader, Runner
from transferlearn.edge.runner import as_dtype
from transferlearn.edge.runtimes import open_runtime
from transferlearn.fitted import FittedModel
from transferlearn.fitted.outputs import of_batch
from transferlearn.tables import as_table
from transferlearn.tasks.base import in_numpy

MOST = 1000  # items that a check looks at
_MOST_NUMBERS = 2**24  # of all their outputs, which are in memory; masks have many
_BATCH = 32
_RUNS = 20  # of one item, of which the median time is taken
_TURNS = 50  # of float32 and int8, of which the median times are taken
_LIMITS = {None: 1e-4, "float16": 0.02, "int8": 0.01}
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
        keras_milliseconds: The same for `predict_on_batch` of Keras.
        speed_up: For int8, how many times as fast it is as float32 in the same runtime, for one
            item on one thread of this machine.
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

    def __str__(self) -> str:
        rows = [
            ("", "Keras", "exported"),
            (self.score, f"{self.keras_score:.4f}", f"{self.exported_score:.4f}"),
            ("megabytes", f"{self.keras_megabytes:.1f}", f"{self.megabytes:.1f}"),
            ("milliseconds an item", f"{self.keras_milliseconds:.1f}", f"{self.milliseconds:.1f}"),
            ("equal answers", "", f"{self.equal:.2%}"),
            ("largest difference, of the range", "", f"{self.difference:.2g}"),
        ]
        if self.speed_up is not None:
            rows.append(("times as fast as float32 there", "", f"{self.speed_up:.2f}"))
        return f"On {self.items:,} items:\n{as_table(rows, right=(1, 2))}"


def check(
    fitted: FittedModel[Any],
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
    runner = Runner(folder, trusted=True)
    most = min(MOST, max(_BATCH, _MOST_NUMBERS // _numbers(fitted)))
    few = dataset.at_most(most) if isinstance(dataset, ItemDataset) else dataset
    inputs, expected, found, targets = _run_both(fitted, runner, few)
    reader = fitted.encoding.output_reader()
    _check_telling(expected)
    spread = {name: reader.spread(rows) for name, rows in expected.items()}
    difference = max(
        float(np.max(np.abs(found[name] - rows) / spread[name])) for name, rows in expected.items()
    )
    scores = [_score(fitted, outputs, targets) for outputs in (expected, found)]
    weights = sum(int(np.prod(w.shape)) * np.dtype(w.dtype).itemsize for w in fitted.model.weights)
    one = {name: array[:1] for name, array in inputs.items()}
    checked = Checked(
        items=len(targets),
        difference=difference,
        equal=float(reader.same(expected, found, 0.0).mean()),
        score=fitted.encoding.score.name,
        keras_score=scores[0],
        exported_score=scores[1],
        megabytes=size(folder / runner.description.model) / 1e6,
        keras_megabytes=weights / 1e6,
        milliseconds=_milliseconds(lambda: runner.run(one)),
        keras_milliseconds=_milliseconds(lambda: of_batch(fitted.model, _as_keras(one))),
        speed_up=None if plain is None else _speed_up(fitted, runner, (plain, folder), one),
    )
    _check_limit(checked, reader, expected, found, quantize, limit)
    return checked


def _numbers(fitted: FittedModel[Any]) -> int:
    """Counts the numbers that the model gives for an item."""
    return sum(int(np.prod(output.shape[1:])) for output in fitted.model.outputs)


def _run_both(
    fitted: FittedModel[Any], runner: Runner, dataset: Dataset
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Runs both on all batches; gives the inputs of the first, both outputs, and the targets.

    Files are read by the runner itself, so that a difference in reading is found, too, unless what
    the model gets is made of them.
    """
    names = list(runner.description.inputs)
    first: dict[str, np.ndarray] = {}
    expected, found, targets, begin = [], [], [], 0
    one_row_each = len(dataset.paths or ()) == dataset.size
    as_read = fitted.kind.predicts_as_read
    by_file = one_row_each and as_read and runner.item_reader.reads_files
    for x, y, *_ in iterate(dataset.batches(batch_size=_BATCH, encode=fitted.encoding.raw)):
        arrays = dict(zip(names, x if isinstance(x, (tuple, list)) else (x,), strict=True))
        count = len(np.asarray(y))
        meant = fitted.encoding.meant(of_batch(fitted.model, x))
        expected.append({name: in_numpy(tensor) for name, tensor in meant.items()})
        if by_file and dataset.paths:
            files = [Path(path) for path in dataset.paths[begin : begin + count]]
            arrays = runner.item_reader.read(files).arrays
        inputs = {n: as_dtype(arrays[n], s.dtype) for n, s in runner.description.inputs.items()}
        found.append(runner.run(inputs))
        targets.append(np.asarray(y))
        first, begin = first or inputs, begin + count
    return first, _joined(expected), _joined(found), np.concatenate(targets)


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Puts the outputs of all batches into one array for each."""
    return {
        name: np.concatenate([part[name] for part in parts]).astype(np.float64) for name in parts[0]
    }


def _check_telling(expected: Mapping[str, np.ndarray]) -> None:
    """Refuses outputs that are about the same for all items, where a broken file looks right."""
    for name, rows in expected.items():
        if np.ptp(rows, axis=0).max() <= _FLAT * np.abs(rows).max():
            raise ValueError(
                f"The model gives about the same {name} for all {len(rows)} items, so a comparison "
                "on them proves nothing. Train the model, or check it on items that differ more."
            )


def _check_limit(
    checked: Checked,
    reader: OutputReader,
    expected: Mapping[str, np.ndarray],
    found: Mapping[str, np.ndarray],
    quantize: str | None,
    limit: float | None,
) -> None:
    """Refuses an export that differs more than it may."""
    most = _LIMITS[quantize] if limit is None else limit
    if quantize == "int8":
        lost = checked.keras_score - checked.exported_score
        if lost > most + 1e-9:  # 0.915 - 0.905 is a little more than 0.01
            raise ValueError(
                f"The exported file loses {lost:.4f} of {checked.score}, more than {most:g}, so "
                f"nothing was written. Leave quantize out, or pass limit={lost * 1.1:.2g}.\n"
                f"{checked}"
            )
        return
    same = reader.same(expected, found, most)
    if not checked.difference <= most or not same.all():
        raise ValueError(
            f"The exported file answers otherwise than Keras: outputs differ by "
            f"{checked.difference:.2g} of their range, where {most:g} is allowed, and "
            f"{(~same).sum()} of {same.size} answers differ, so nothing was written. Pass another "
            f"format, or limit={checked.difference * 1.1:.2g}.\n{checked}"
        )


def _score(
    fitted: FittedModel[Any], outputs: Mapping[str, np.ndarray], targets: np.ndarray
) -> float:
    """Gives the score of outputs, which have a single name where they can be measured."""
    (rows,) = outputs.values()
    with quiet():  # a class that is missing here does not matter
        return float(fitted.encoding.measure(rows, targets)[fitted.encoding.score.name])


def size(path: Path) -> int:
    """Counts the bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path, *path.parent.glob(f"{path.stem}.bin")]
    return sum(file.stat().st_size for file in files if file.is_file())


def _milliseconds(run: Any) -> float:
    """Gives the median time that a call takes, in milliseconds."""
    run()
    times = []
    for _ in range(_RUNS):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return float(np.median(times)) * 1e3


def _speed_up(
    fitted: FittedModel[Any],
    runner: Runner,
    folders: tuple[Path, Path],
    one: Mapping[str, np.ndarray],
) -> float:
    """Says how many times as fast the second export is as the first, in float32, on one thread."""
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
    """Gives arrays by name as Keras takes them: one, or a list."""
    listed = list(arrays.values())
    return listed[0] if len(listed) == 1 else listed
