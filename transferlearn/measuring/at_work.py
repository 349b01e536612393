"""Makes the reference of a model from given items, and watches items at work by it."""

from pathlib import Path

import numpy as np

from transferlearn import data
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.iterating import without_retracing_advice
from transferlearn.data.messages import notice
from transferlearn.extras import require
from transferlearn.fitted import FittedModel
from transferlearn.fitted.leakage import doubts_of
from transferlearn.measuring.signals import LEAST, TRAINING_ITEMS, measure
from transferlearn.monitoring import Reference, Watch, watch
from transferlearn.monitoring.axes import FeatureAxes


@without_retracing_advice()
def make_reference(
    fitted: FittedModel,
    labelled: object,
    *,
    trained_on: object = None,
) -> Reference:
    """Makes the reference of a model from items that it was not trained on.

    When to use it: `fit` held nothing out, or had no time; then assign what this gives to
    `fitted.reference`, and save the model.

    Args:
        fitted: The model.
        labelled: Whatever `evaluate` takes: items that the model was not trained on.
        trained_on: Items that it was trained on, at best all of them; of these 500 are read.
            `None`: half of `labelled` takes their place, and the other half is the reference.

    Raises:
        ValueError: There are fewer than 40 items.

    Example:
        fitted.reference = tl.make_reference(fitted, "photos/validation", trained_on="photos/train")
        fitted.save("flowers")
    """
    given = _labelled(fitted, labelled)
    for doubt in doubts_of(fitted, given, "other items will look as if they had changed"):
        notice(doubt)
    held_out = measure(fitted, given)
    order = np.random.default_rng(0).permutation(len(held_out.values))
    if trained_on is None:
        half = len(order) // 2
        training, held_out = held_out.rows(order[:half]), held_out.rows(order[half:])
    else:
        items = _labelled(fitted, trained_on)
        few = items.at_most(TRAINING_ITEMS) if isinstance(items, ItemDataset) else items
        training, held_out = measure(fitted, few), held_out.rows(order)
    if min(len(training.values), len(held_out.values)) < LEAST:
        raise ValueError(
            f"There are {len(held_out.values)} items for the reference and {len(training.values)} "
            f"that take the place of those trained on: {LEAST} of each are least."
        )
    assert training.features is not None
    return Reference.of(
        FeatureAxes.of(training.features),
        held_out,
        kind=fitted.kind.name,
        outputs=fitted.encoding.scoring.signals,
        how="given",
    )


def monitor(
    fitted: FittedModel,
    items: object,
    *,
    labelled: bool = False,
    false_alarms: float = 0.05,
    on_error: str = "skip",
    seed: int = 0,
) -> Watch:
    """Returns whether items at work are still like those that the model was made for.

    Args:
        fitted: The model; `fit` made its `reference`, or `tl.make_reference` did.
        items: Whatever `predict` takes; a string is the path of a file or a folder, also of texts.
        labelled: Whether `items` has targets, too, as `evaluate` takes them.
        false_alarms: How often, in (0, 1), a batch without any change may be called an alarm.
        on_error: What to do with a broken file: `"skip"` it (and say so) or `"raise"`.
        seed: The seed of the random divisions that the tests are judged by.

    Returns:
        What has changed, with `alarm`, `tests`, `accuracy`, `odd` and `label_first`; printed, it
        is a table.

    Raises:
        ValueError: The model has no reference, or there are fewer than 20 items.
        ImportError: scipy is not installed (`pip install -e ".[monitor]"`).

    Example:
        print(tl.monitor(fitted, "photos/today"))
    """
    require("Monitoring", "monitor", "scipy")  # before minutes of measuring, not after them
    if fitted.reference is None:
        raise ValueError(
            "The model has no reference: nothing was held out when it was trained, or there was no "
            "time. Make one: fitted.reference = tl.make_reference(fitted, 'photos/validation')"
        )
    if labelled or isinstance(fitted.kind, data.Corpus):  # texts are their own targets
        dataset = _labelled(fitted, items, on_error)
    else:
        source = Path(items) if isinstance(items, str) else items  # one text is never monitored
        dataset = fitted.kind.unlabelled(source, on_error=on_error)
    signals = fitted.reference.signals_of(measure(fitted, dataset))
    rows = range(len(signals.table))
    names = [dataset.called(row) for row in rows]
    return watch(fitted.reference, signals, false_alarms=false_alarms, names=names, seed=seed)


def _labelled(fitted: FittedModel, source: object, on_error: str = "skip") -> Dataset:
    """Reads items with targets as the model's training did."""
    return data.load(source, fitted.kind, fitted.encoding.target, on_error=on_error)
