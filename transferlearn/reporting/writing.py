"""Defines `tl.report`: checks where it goes, gathers what it says, and writes it as one file."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from transferlearn import data
from transferlearn.comparison import Comparison
from transferlearn.drafts import new_draft, written_whole
from transferlearn.extras import install_line
from transferlearn.fitted import FittedModel
from transferlearn.fitted.known_items import TOO_GOOD, doubts_of
from transferlearn.money import Money, price
from transferlearn.types import Source


def report(
    fitted: FittedModel[Any],
    path: str | os.PathLike[str],
    test: Source | None = None,
    *,
    comparison: Comparison | None = None,
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
    _check_packages()
    if not isinstance(fitted, FittedModel):
        raise TypeError(f"report takes what fit or tl.load gave. Received: {fitted!r:.80}")
    cost, path = price(price_per_hour), Path(path)
    _check_place(path)
    page = _page(fitted, test, comparison, title, cost)
    with written_whole(path) as draft:
        draft.write_text(page, "utf-8", errors="replace")  # a file's name need not be Unicode
    return path


def _page(
    fitted: FittedModel[Any],
    test: Source | None,
    comparison: Comparison | None,
    title: str | None,
    cost: Money | None,
) -> str:
    """Gathers all sections, and fills the template with them."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from transferlearn.reporting import sections
    from transferlearn.reporting.summary import summarise

    tested = None if test is None else data.load(test, fitted.kind, fitted.encoding.target)
    evaluation = None if test is None else fitted.evaluate(test)
    doubts = [] if tested is None else doubts_of(fitted, tested, TOO_GOOD)
    summary = summarise(fitted, evaluation, doubts)
    parts = [sections.data_section(fitted, tested), sections.training_section(fitted)]
    if evaluation is not None:
        parts.append(sections.result_section(fitted, evaluation))
    if comparison is not None:
        parts.append(sections.comparison_section(comparison))
    if evaluation is not None and tested is not None:
        parts += [
            sections.mistake_section(fitted, evaluation, tested),
            sections.doubt_section(fitted, evaluation, tested),
            sections.reason_section(fitted, evaluation, tested),
        ]
    parts += [sections.cost_section(fitted, evaluation, cost), sections.again_section(fitted)]
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


def _check_packages() -> None:
    """Raises an `ImportError` that says how to install what is missing."""
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(f"A report needs other packages: {install_line('report')}") from error


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
