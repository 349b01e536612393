"""Shows a fitted model as tables: what it is, and what each phase of its training did."""

from collections.abc import Sequence

from transferlearn.fitted.trained import Trained
from transferlearn.schedules import PhaseResult
from transferlearn.tables import as_html
from transferlearn.wording import counted


def line_of(fitted: Trained) -> str:
    """Returns in one line what a model is and how good it was on held-out items."""
    parts = [repr(fitted.outline.backbone), fitted.encoding.summary()]
    metrics = fitted.phases[-1].metrics if fitted.phases else {}
    key, items = fitted.encoding.score.key, fitted.outline.validation_items
    if key in metrics:
        on = f" on {counted(items, 'item')}" if items else ""
        parts.append(f"{key} {metrics[key]:.4g}{on}")
    if fitted.temperature != 1:
        parts.append(f"calibrated with temperature {fitted.temperature:.4g}")
    return ", ".join(parts)


def kept_epoch(phases: Sequence[PhaseResult]) -> int:
    """Returns the number of the epoch whose weights are kept, from 1 on, over all phases."""
    epoch, begun = 1, 0
    for phase in phases:
        kept = phase.epochs if phase.kept_epoch is None else phase.kept_epoch
        epoch = begun + kept if kept else epoch
        begun += phase.epochs
    return epoch


def facts_of(fitted: Trained) -> list[tuple[str, str]]:
    """Returns what a model is, as pairs of a word and what it stands for."""
    outline, unknown = fitted.outline, "not known"
    trained = unknown if outline.train_items is None else f"{outline.train_items:,}"
    scaled = [] if fitted.temperature == 1 else [("temperature", f"{fitted.temperature:.4g}")]
    return [
        ("network", outline.backbone),
        ("pretrained weights", outline.source),
        ("learnt", fitted.encoding.summary()),
        (f"{fitted.kind.noun}s trained on", trained),
        (f"{fitted.kind.noun}s held out", f"{outline.validation_items or 0:,}"),
        ("score", fitted.reliable_score),
        ("weights of epoch", str(fitted.epoch)),
        *scaled,
    ]


def phases_of(fitted: Trained) -> list[tuple[str, ...]]:
    """Returns a table of the phases of a training, its head first."""
    layers = fitted.outline.backbone_layers
    rows = [
        (
            str(number),
            "solved" if phase.solved else str(phase.epochs),
            "-" if phase.solved else f"{phase.learning_rate:.3g}",
            f"{len(phase.frozen_layers)}{'' if layers is None else f' of {layers}'}",
            f"{phase.trainable_parameters:,}",
            f"{phase.seconds:.1f}",
        )
        for number, phase in enumerate(fitted.phases, start=1)
    ]
    head = ("phase", "epochs", "rate", "frozen layers", "trained parameters", "seconds")
    return [head, *rows]


def html_of(fitted: Trained) -> str:
    """Writes both tables in HTML, for notebooks."""
    return as_html([("FittedModel", ""), *facts_of(fitted)]) + as_html(
        phases_of(fitted), right=range(6)
    )
