"""Defines `tl.report`: checks where it goes, gathers what it says, and writes it as one file."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from transferlearn import data
from transferlearn.atomic_files import new_draft, written_whole
from transferlearn.comparison import Comparison
from transferlearn.data import Dataset
from transferlearn.data.messages import notice
from transferlearn.extras import require
from transferlearn.fitted import FittedModel
from transferlearn.fitted.leakage import TOO_GOOD, doubts_of
from transferlearn.fitted.outputs import evaluated
from transferlearn.fitted.untrained import beside_untrained
from transferlearn.money import Money, price
from transferlearn.progress import stage, working
from transferlearn.reporting.parts import Section
from transferlearn.tasks import Evaluation
from transferlearn.types import Source

_SECTION = 15.0  # what a section with its pictures costs beside a prediction
_MOST_SECTIONS = 10


def report(
    fitted: FittedModel,
    path: str | os.PathLike[str],
    test: Source | None = None,
    *,
    comparison: Comparison | None = None,
    trained_on: Source | None = None,
    title: str | None = None,
    price_per_hour: str | None = None,
) -> Path:
    """Writes what is known of a model as one HTML file, which needs no network to be read.

    When to use it: before a model is relied on, or shown to somebody who decides about it. It has
    the data, the training, the figures of a test with their intervals, pictures, the worst
    mistakes, what speaks for the model's answers, the cost, and how to run it again.

    Args:
        fitted: The model.
        path: The file to write, such as `"report.html"`; one that is there is replaced.
        test: Data that training has not seen, as `fitted.evaluate` takes it. Without it, there are
            only the figures that training itself came to.
        comparison: What `tl.compare` gave, to be shown, too.
        trained_on: Of a language model, the texts that it was trained on, to find what it learnt by
            heart.
        title: The title; by default the network and what it learnt.
        price_per_hour: What the machine costs, such as `"0.50 EUR"`, to say what training did.

    Returns:
        The path of the file.

    Raises:
        ImportError: Jinja2 or Matplotlib is not installed (`pip install -e ".[report]"`).
        OSError: The file cannot be written; this is found out before the work begins.
        ValueError: The path does not end in .html, the test has a class that the model does not
            know, or the model gives NaN; nothing is written then.

    Example:
        fitted = builder.fit("photos/train")
        tl.report(fitted, "report.html", "photos/test")
    """
    require("A report", "report", "jinja2", "matplotlib")
    if not isinstance(fitted, FittedModel):
        raise TypeError(f"report takes what fit or tl.load gave. Received: {fitted!r:.80}")
    cost, path = price(price_per_hour), Path(path)
    _check_place(path)
    page = _page(fitted, test, comparison, trained_on, title, cost)
    with written_whole(path) as draft:
        draft.write_text(page, "utf-8", errors="replace")  # a file's name need not be Unicode
    return path


def _page(
    fitted: FittedModel,
    test: Source | None,
    comparison: Comparison | None,
    trained_on: Source | None,
    title: str | None,
    cost: Money | None,
) -> str:
    """Gathers all sections, and fills the template with them."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from transferlearn.reporting.summary import summarise

    with working(expected=None) as work:
        tested = None if test is None else data.load(test, fitted.kind, fitted.encoding.target)
        count = (tested.count or 0) if tested else 0
        work.expect(count + _SECTION * _MOST_SECTIONS)
        evaluation = None
        if tested is not None:
            evaluation = beside_untrained(fitted, tested, evaluated(fitted, tested))
        doubts = [] if tested is None else doubts_of(fitted, tested, TOO_GOOD)
        makers = _makers(fitted, evaluation, tested, comparison, trained_on, cost)
        parts = []
        with stage("writing the report", len(makers), "section", cost=_SECTION) as written:
            for make in makers:
                parts.append(make())
                written.advance()
    for line in doubts:
        notice(line)
    summary = summarise(fitted, evaluation, doubts)
    environment = Environment(
        loader=PackageLoader("transferlearn.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        title=title or summary.title,
        summary=summary,
        sections=[part for part in parts if not part.is_empty],
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _makers(
    fitted: FittedModel,
    evaluation: Evaluation | None,
    tested: Dataset | None,
    comparison: Comparison | None,
    trained_on: Source | None,
    cost: Money | None,
) -> list[Callable[[], Section]]:
    """Lists what makes each section: results first, what was trained on and with last."""
    from transferlearn.reporting import sections

    makers: list[Callable[[], Section]] = []
    if evaluation is not None:
        makers.append(partial(sections.result_section, fitted, evaluation))
    if comparison is not None:
        makers.append(partial(sections.comparison_section, comparison))
    if evaluation is not None and tested is not None:
        makers += [
            partial(sections.mistake_section, fitted, evaluation, tested),
            partial(sections.sound_section, fitted, evaluation, tested),
            partial(sections.doubt_section, fitted, evaluation, tested),
            partial(sections.reason_section, fitted, evaluation, tested),
        ]
    return [
        *makers,
        partial(sections.writing_section, fitted, tested, trained_on),
        partial(sections.training_section, fitted),
        partial(sections.cost_section, fitted, evaluation, cost),
        partial(sections.data_section, fitted, tested),
        partial(sections.again_section, fitted),
    ]


def _check_place(path: Path) -> None:
    """Raises an error unless an HTML file can be written at `path`; nothing there is touched."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} into.")
    draft = new_draft(path.parent, f".{path.name}.")
    try:
        draft.touch()
        draft.unlink()
        is_folder = path.is_dir()
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}. Choose another.") from error
    if is_folder:
        raise IsADirectoryError(f"{path} is a folder. Name a file in it: {path / 'report.html'}")
    if path.suffix.lower() not in (".html", ".htm"):  # else a program could be overwritten
        raise ValueError(f"A report is an HTML file, such as report.html. Received: {path.name}")
