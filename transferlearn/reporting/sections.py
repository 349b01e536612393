"""Gathers what a report says of a model, section by section, for every kind and every task."""

import functools
import math
from typing import Any

import numpy as np

from transferlearn import plotting
from transferlearn.advice.continuing import continuations, learnt_by_heart
from transferlearn.advice.diagnosis import diagnose
from transferlearn.advice.doubts import doubt, is_new_to, judged_by, ranking
from transferlearn.builders.run_description import versions
from transferlearn.comparison import Comparison
from transferlearn.data import Dataset, LoadedData
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.sequences.corpus import CorpusDataset
from transferlearn.explaining import answers_of
from transferlearn.fitted import FittedModel
from transferlearn.fitted.leakage import fingerprint, trained_on
from transferlearn.fitted.showing import phases_of
from transferlearn.money import Money
from transferlearn.plotting.mistaken_items import file_of, items_of
from transferlearn.plotting.results import said_and_true
from transferlearn.reporting.again import code_of
from transferlearn.reporting.differences import difference
from transferlearn.reporting.parts import SHOWN, ReportImage, ReportTable, Section
from transferlearn.reporting.pictures import add_pictures
from transferlearn.tasks import Evaluation, NextTokenEncoding, WritingEvaluation
from transferlearn.types import Source
from transferlearn.wording import counted

_EXPLAINED = 6  # items of which is shown why the model says what it says
_LISTED = 24  # mistakes whose files are named
_DRAWN = 12  # doubtful items that are drawn
_LETTERS = 60  # of a line about one of them
_PARTS = 1000  # classes whose figures are shown


def data_section(fitted: FittedModel, tested: Dataset | None) -> Section:
    """Returns what was trained on and tested on: fingerprints, sizes, and what was left out."""
    record, noun = fitted.outline.data, fitted.kind.noun
    section = Section("data", "Data")
    count = fitted.outline.train_items
    trained = f"an unknown number of {noun}s" if count is None else counted(count, noun)
    section.texts.append(
        f"Trained on {trained}, held out: {fitted.outline.validation_items or 0:,}."
    )
    if record.get("fingerprint"):
        section.texts.append(
            f"Fingerprint of these {noun}s and what they teach: {record['fingerprint']}. It is the "
            "same for the same data, whatever its order."
        )
    if tested is not None:
        section.texts.append(_tested(fitted, tested))
    if record.get("targets"):
        rows = record["targets"]
        section.tables.append(ReportTable(rows, range(1, len(rows[0])), "What there was to learn"))
    if record.get("skipped"):
        rows = [("left out", "reason"), *record["skipped_items"]]
        title = f"Left out, since they could not be used: {counted(record['skipped'], noun)}"
        section.tables.append(ReportTable(rows, title=title))
    if ignored := {k: n for k, n in record.get("ignored", {}).items() if n}:
        listed = ", ".join(f"{number:,} {ending}" for ending, number in ignored.items())
        section.texts.append(f"Files that were not looked at: {listed}.")
    return section


def _tested(fitted: FittedModel, tested: Dataset) -> str:
    """Describes what was tested on, and whether some of it was trained on."""
    noun, mark = fitted.kind.noun, fingerprint(tested)
    if mark is None or tested.count is None:
        return f"The test {noun}s are a stream: whether some were trained on cannot be told."
    text = f"Tested on {counted(tested.count, noun)}. Their fingerprint: {mark}."
    overlap = trained_on(tested, fitted.outline.data)
    if overlap is None:
        return f"{text} Whether some of them were trained on is not known."
    return (
        f"{text} Of {counted(overlap.looked_up, noun)} that could be compared, "
        f"{len(overlap.names):,} were trained on; copies that were changed are not recognised."
    )


def training_section(fitted: FittedModel) -> Section:
    """Shows the phases, the curves, and what is to be said of them."""
    section = Section("training", "Training")
    if not fitted.history.history:
        section.texts.append("There was none: the network is as it came.")
        return section
    section.tables.append(ReportTable(phases_of(fitted), range(6), "Phases"))
    for number, phase in enumerate(fitted.phases, start=1):
        if phase.solved:
            section.texts.append(f"Phase {number}: the head was {phase.solved}.")
        if phase.kept:
            section.texts.append(f"Phase {number} kept {phase.kept}.")
        if phase.left_out:
            section.texts.append(f"Left out by the time limit: {phase.left_out}.")
    section.texts.append(str(diagnose(fitted)))
    draw = {"Blocks of the network by phase": functools.partial(plotting.phases, fitted)}
    if fitted.history.history.get("loss"):
        draw = {"Curves": functools.partial(plotting.training_curves, fitted), **draw}
    add_pictures(section, draw)
    return section


def result_section(fitted: FittedModel, evaluation: Evaluation) -> Section:
    """Shows all figures of the test, and the pictures that the task has for them."""
    section = Section("results", "Results on the test data")
    section.tables.append(ReportTable(evaluation.overall_rows(), [1], "All items"))
    if evaluation.parts:
        rows = evaluation.part_rows(SHOWN)  # of more, the worst
        rows += [row for row in evaluation.part_rows(_PARTS)[1:] if row not in rows]
        section.tables.append(ReportTable(rows, range(1, len(rows[0])), "Part by part"))
    add_pictures(section, plotting.pictures(evaluation))
    return section


def comparison_section(comparison: Comparison) -> Section:
    """Shows what one could have had for less."""
    section = Section("comparison", "Against what?")
    section.texts += [f"On {counted(comparison.items, 'test item')}.", *comparison.left_out]
    section.tables.append(ReportTable(comparison.rows(), (1, 3)))
    return section


def mistake_section(fitted: FittedModel, evaluation: Evaluation, tested: Dataset) -> Section:
    """Shows the items that the model was most wrong about."""
    section = Section("mistakes", "Mistakes")
    add_pictures(section, plotting.pictures_of_items(evaluation, fitted, tested))
    worst = plotting.mistakes(evaluation, _LISTED)
    if worst and isinstance(evaluation, WritingEvaluation):
        section.tables.append(_differences(evaluation, [one.item for one in worst]))
    elif worst:
        rows = [(file_of(evaluation, one.item), ", ".join(map(_short, one.lines))) for one in worst]
        section.tables.append(
            ReportTable([("item", ""), *rows], title="The worst, to look them up")
        )
    if section.is_empty:
        section.texts.append("There is none.")
    return section


def _differences(evaluation: WritingEvaluation, numbers: list[int]) -> ReportTable:
    """Shows how texts that were written differ from the right ones."""
    assert evaluation.targets is not None
    rows = [
        (file_of(evaluation, i), difference(evaluation.targets[i], evaluation.texts[i]))
        for i in numbers
    ]
    title = "The worst: words that are missing are struck out, words that are added underlined"
    return ReportTable([("item", "the right text, and what differs"), *rows], title=title)


def _short(line: str) -> str:
    """Leaves out the middle of a line that is long, such as one with many tags."""
    half = _LETTERS // 2
    return line if len(line) <= _LETTERS else f"{line[:half]}…{line[-half:]}"


def writing_section(
    fitted: FittedModel, tested: Dataset | None, trained_on: Source | None
) -> Section:
    """Shows how a language model goes on with texts, and what it learnt by heart."""
    section = Section("writing", "What it writes")
    if not isinstance(fitted.encoding, NextTokenEncoding):
        return section
    if isinstance(tested, CorpusDataset):
        rows = continuations(fitted, tested).rows()
        section.tables.append(ReportTable(rows, title="How test texts go on"))
    if trained_on is None:
        section.texts.append(
            "What it learnt by heart is not known: write the report with trained_on=, or on the "
            "command line --trained-on, and the texts that it was trained on."
        )
        return section
    found = learnt_by_heart(fitted, trained_on)
    section.texts.append(found.summary)
    if found.passages:
        section.tables.append(ReportTable(found.rows(), [0], "Learnt by heart"))
    return section


def doubt_section(fitted: FittedModel, evaluation: Evaluation, tested: Dataset) -> Section:
    """Shows the labels that are least likely to be right, judged by what has not seen them."""
    section = Section("doubts", "Labels that may be wrong")
    if not isinstance(tested, ItemDataset) or type(evaluation) not in ranking.registry:
        return section
    try:
        if is_new_to(fitted, tested):
            found = judged_by(fitted, tested, evaluation)
        else:
            found = doubt(fitted, LoadedData(tested, None), verbose=0)
    except ValueError as error:
        section.texts.append(str(error))
        return section
    suspected = found.suspected
    section.texts.append(found.summary)
    if suspected:
        rows = [(row.name, row.given, row.instead, f"{row.doubt:.3g}") for row in suspected]
        head = ("item", "label", "instead", "doubt")
        section.tables.append(ReportTable([head, *map(_shortened, rows[:_LISTED])], [3]))
        shown = min(len(suspected), _DRAWN)
        add_pictures(section, {"The most doubtful": lambda: found.show(shown)})
    return section


def _shortened(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Shortens each cell of a row."""
    return tuple(map(_short, cells))


def reason_section(fitted: FittedModel, evaluation: Evaluation, tested: Dataset) -> Section:
    """Shows what speaks for the model's answers: on the worst mistakes, or else the first items."""
    section = Section("reasons", "Why it says what it says")
    if (
        answers_of(fitted.encoding) is None
    ):  # such as masks, which are pictures of places themselves
        return section
    numbers = _worst_and_others(evaluation)

    def draw() -> Any:
        items = items_of(fitted, evaluation, numbers, tested)
        return plotting.explanations(fitted, items)

    add_pictures(section, {"What speaks for each answer": draw})
    return section


def _worst_and_others(evaluation: Evaluation) -> list[int]:
    """Returns the numbers of a few items: those of the worst mistakes, and then the first."""
    worst = [mistake.item for mistake in plotting.mistakes(evaluation, _EXPLAINED)]
    others = [i for i in range(int(evaluation["count"])) if i not in worst]
    return [*worst, *others][:_EXPLAINED]


def sound_section(fitted: FittedModel, evaluation: Evaluation, tested: Dataset) -> Section:
    """Lets some items be heard, the worst mistakes first; empty for items without sound."""
    from markupsafe import Markup

    section = Section("sounds", "To be heard")
    if plotting.heard.dispatch(type(fitted.kind)) is plotting.heard.dispatch(object):
        return section
    numbers = _worst_and_others(evaluation)
    try:
        items = items_of(fitted, evaluation, numbers, tested)
    except ValueError as error:
        section.texts.append(str(error))
        return section
    lines = said_and_true(evaluation)
    for number, item in zip(numbers, items, strict=True):
        title = ", ".join((file_of(evaluation, number), *map(_short, lines[number])))
        if content := plotting.heard(fitted.kind, item):
            section.pictures.append(ReportImage(title, Markup(content)))
    return section


def cost_section(
    fitted: FittedModel, evaluation: Evaluation | None, price: Money | None
) -> Section:
    """Returns what training took, and what a prediction takes."""
    section = Section("cost", "Cost")
    seconds = sum(phase.seconds for phase in fitted.phases)
    rows = [("", ""), ("training", f"{seconds:,.1f} s")]
    if price is not None:
        rows.append((f"training at {price} an hour", str(price.times(seconds / 3600))))
    if evaluation is not None and math.isfinite(evaluation.items_per_second):
        speed = f"{evaluation.items_per_second:,.1f} {fitted.kind.noun}s a second"
        rows.append(("predictions, reading included", speed))
    weights = fitted.model.weights
    sizes = [math.prod(w.shape) * np.dtype(w.dtype).itemsize for w in weights]
    rows.append(("parameters", f"{fitted.model.count_params():,}"))
    rows.append(("size of the weights", f"{sum(sizes) / 1e6:,.1f} MB"))
    section.tables.append(ReportTable(rows, [1]))
    return section


def again_section(fitted: FittedModel) -> Section:
    """Shows how the training is run again, and with which versions this was written."""
    code = code_of(fitted.outline, fitted.temperature)
    section = Section("again", "How to run it again", code=code)
    section.texts.append(
        f"The pretrained weights: {fitted.outline.source} (licence: {fitted.outline.licence})."
    )
    rows = [("software", "version"), *((name, str(v)) for name, v in versions().items())]
    section.tables.append(ReportTable(rows, title="Versions that wrote this report"))
    return section
