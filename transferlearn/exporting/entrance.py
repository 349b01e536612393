"""Exports a fitted model as a folder, which is checked against Keras before it is there."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from transferlearn import data
from transferlearn.checks import refuse_address
from transferlearn.data import Dataset
from transferlearn.data.messages import notice
from transferlearn.edge import Description
from transferlearn.edge.description import FILE
from transferlearn.edge.existing import existing_model
from transferlearn.edge.parts import DECODER, ENCODER, PROMPTS
from transferlearn.exporting.calibration import samples_of
from transferlearn.exporting.checking import Checked, check
from transferlearn.exporting.checking_parts import check_parts
from transferlearn.exporting.description import describe
from transferlearn.exporting.formats import FORMATS, Format
from transferlearn.exporting.hugging_face import NAME, HuggingFaceExport, write_hugging_face
from transferlearn.exporting.network import check_backend, serve
from transferlearn.exporting.parts import write_parts, writer_of
from transferlearn.fitted import FittedModel
from transferlearn.fitted.places import check_place, folder_written_whole, recover
from transferlearn.hashing import hashes_of_files, names_of_files
from transferlearn.json_fields import Json
from transferlearn.progress import stage, working
from transferlearn.tasks.language.answering import Writing
from transferlearn.tasks.writing.answering import Writes
from transferlearn.types import Source

Compare = Callable[[Dataset, float | None], Checked]

WORTH_WHILE = 1.5  # times the speed of float32, from which int8 is offered for speed


@dataclass(frozen=True)
class Export:
    """Holds what was exported, and how it compares with Keras; printed, it is a table.

    Attributes:
        path: The folder.
        description: What its `export.json` says.
        checked: How its outputs differ from those of Keras.
    """

    path: Path
    description: Description
    checked: Checked

    @property
    def facts(self) -> Json:
        """Returns what the command line prints as JSON."""
        return {"path": str(self.path), **self.description.checked}

    def __str__(self) -> str:
        usage = FORMATS[self.description.format].usage
        how = "" if usage is None else f"\nOutside of transferlearn, open it by\n  {usage}"
        return f"{self.path}: {self.description.format}. {self.checked}{how}"

    __repr__ = __str__


def export(
    fitted: FittedModel,
    path: str | Path,
    validation_data: Source | None = None,
    *,
    format: str = "onnx",
    quantize: str | None = None,
    calibration_data: Source | None = None,
    limit: float | None = None,
) -> Export | HuggingFaceExport:
    """Writes a model for another runtime, after checking there that it answers as Keras does.

    When to use it: to serve the model, or to run it on a phone or a small machine.
    `tl.edge.Runner(path)` runs it without TensorFlow.

    Args:
        fitted: The model.
        path: The folder that is made; an export that is there already is replaced.
        validation_data: Items with targets, as `FittedModel.evaluate` takes them, that the model
            was not trained on; at most 1,000 of them are looked at. `None`: those that `fit` held
            out in this process.
        format: `"onnx"`, `"litert"`, `"openvino"` or `"saved_model"`; `"huggingface"` for language
            models, which are checked without `validation_data`.
        quantize: `"float16"` stores weights in half the bytes; `"int8"` computes in whole numbers,
            from uint8 pixels on, faster and in a quarter of the bytes; `None` keeps float32. What a
            format is offered with is in docs/exporting.md.
        calibration_data: For int8, items with targets that the model was trained on, by which the
            ranges of its layers are measured; at most 100 of them are looked at.
        limit: The most that outputs may differ, as a share of their range; `None`: 1e-4, and 0.02
            with float16. With int8, the most of the score that may be lost, of the answers that
            may differ, and of their range that numbers may be off; `None`: 0.01, 0.03 and 0.01.

    Raises:
        ValueError: The exported file answers otherwise than Keras; nothing was written.
        ImportError: A package is missing (`pip install -e ".[export]"`).
        OSError: `path` holds something that is no export, or cannot be written.

    Example:
        print(tl.export(fitted, "flowers-onnx", "photos/validation"))
        tl.edge.Runner("flowers-onnx").predict("photo.jpg").class_name
    """
    if format == NAME:
        return write_hugging_face(fitted, path)
    if format not in FORMATS:
        known = ", ".join((*FORMATS, NAME))
        raise ValueError(f"format is one of {known}. Received: format={format!r}")
    chosen = FORMATS[format]
    chosen.check_quantize(quantize)
    chosen.check_installed()
    refuse_address("path", path)
    path = Path(path).resolve()
    recover(path, FILE)
    check_place(path, FILE, "an export", _not_ours)
    before = existing_model(path)
    dataset = _validation(fitted, validation_data)
    if (note := fitted.kind.export_note()) is not None:
        notice(note)
    with folder_written_whole(path) as draft, working():
        fitted.kind.item_reader().write(draft)
        if fitted.reference is not None:  # for monitoring where it is served
            fitted.reference.write(draft)
        if isinstance(writes := fitted.answerer(), (Writes, Writing)):
            described, compare = _in_parts(fitted, writes, chosen, draft, quantize)
        else:
            described, compare = _in_one(fitted, chosen, draft, quantize, calibration_data)
        described = replace(described, quantize=quantize, files=hashes_of_files(draft))
        described.write(draft)
        checked = compare(dataset, limit)
        described = replace(described, checked=asdict(checked))
        described.write(draft)
    if before is not None:
        print(f"Replaced {before}.")
    if checked.speed_up is not None and checked.speed_up < WORTH_WHILE:
        notice(
            f"In int8 this network is {checked.speed_up:.2f} times as fast as in float32 on this "
            "machine. The file is smaller; for speed alone, leave quantize out."
        )
    return Export(path, described, checked)


def _in_one(
    fitted: FittedModel,
    chosen: Format,
    draft: Path,
    quantize: str | None,
    calibration_data: Source | None,
) -> tuple[Description, Compare]:
    """Writes a model that is one network; returns its description, and what checks it."""
    network = serve(fitted, whole=quantize == "int8")
    samples = samples_of(fitted, network, calibration_data) if quantize == "int8" else tuple
    with stage(f"writing {chosen.name}"):
        chosen.write(network, draft, quantize, samples)
    described = describe(fitted, chosen.name, network.inputs, network.outputs)

    def compare(dataset: Dataset, limit: float | None) -> Checked:
        if quantize != "int8":
            return check(fitted, draft, dataset, quantize=quantize, limit=limit)
        with TemporaryDirectory() as place:  # the same in float32, to compare times with
            chosen.write(serve(fitted), Path(place), None, tuple)
            plain = Path(place)
            return check(fitted, draft, dataset, quantize=quantize, limit=limit, plain=plain)

    return replace(described, model=chosen.model), compare


def _in_parts(
    fitted: FittedModel,
    writes: Writes | Writing,
    chosen: Format,
    draft: Path,
    quantize: str | None,
) -> tuple[Description, Compare]:
    """Writes a model whose texts are written token by token, as `_in_one` does."""
    if quantize == "int8":
        raise ValueError(
            "Models that write texts are exported in float32 or float16. Received: quantize='int8'"
        )
    check_backend()
    writer = writer_of(fitted, writes)
    with stage(f"writing {chosen.name}"):
        parts = write_parts(fitted, writes, chosen, draft, quantize)
    writer.write(draft)
    inputs = parts[ENCODER].inputs if ENCODER in parts else PROMPTS
    described = replace(
        describe(fitted, chosen.name, inputs, writes.specs),
        model=parts[DECODER].model,
        parts=parts,
        writer={"name": writer.name, "settings": writer.settings()},
    )

    def compare(dataset: Dataset, limit: float | None) -> Checked:
        return check_parts(fitted, writes, draft, dataset, quantize=quantize, limit=limit)

    return described, compare


def _validation(fitted: FittedModel, given: Source | None) -> Dataset:
    """Loads the items to check on, or takes those that were held out."""
    if given is not None:
        return data.load(given, fitted.kind, fitted.encoding.target)
    if fitted.held_out is None:
        raise ValueError(
            "An export is checked on items with targets, and none are held out here: "
            "tl.export(fitted, path, 'photos/validation')"
        )
    return fitted.held_out


def _not_ours(path: Path) -> list[str]:
    """Lists the files in an export's folder that it did not write."""
    try:
        named = set(json.loads((path / FILE).read_text("utf-8"))["files"])
    except (ValueError, KeyError, TypeError):  # damaged: such an export may be replaced
        return []
    return [name for name in names_of_files(path) if name not in named | {FILE}]
