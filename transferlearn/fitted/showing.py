"""Shows a fitted model as tables: what it is, and what each phase of its training did."""

from transferlearn.fitted.trained import Trained
from transferlearn.tables import as_html


def facts_of(fitted: Trained) -> list[tuple[str, str]]:
    """Gives what a model is, as pairs of a word and what it stands for."""
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
    """Gives a table of the phases of a training, its head first."""
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
