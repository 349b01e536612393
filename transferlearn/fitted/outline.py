"""Records how a model was trained."""

from dataclasses import dataclass, field

from transferlearn.json_fields import Json
from transferlearn.tasks.intervals import Interval


@dataclass(frozen=True, kw_only=True)
class Outline:
    """Records how a model was trained: backbone, weights, settings, numbers of items, baseline.

    Attributes:
        backbone: The name of the backbone.
        source: Where the pretrained weights came from.
        batch_size: The number of items in a batch.
        settings: The settings of the builder (with `fit`'s `schedule` and `callbacks`) that differ
            from the defaults, as `transferlearn.configs` writes them.
        backbone_layers: The number of the backbone's layers; `None` in saves that do not tell.
        train_items: The number of items it was trained on; `None` where a stream does not tell.
        validation_items: The number of items that were held out.
        baseline: The score of the simplest guess on the held-out items: the commonest class, or the
            mean; of a language model, that of the pretrained network.
        interval: The 95% interval of the score of the held-out items, where `evaluate` computes it
            from single items, as for masks; `None` where it follows from the score.
        balanced_accuracy: That of the held-out items, where their classes differ much in size.
        licence: The licence of the pretrained weights, where it is certain.
        builder: The class of the builder, as `transferlearn.configs` names it; `""` in saves that
            do not tell.
        epochs: The epochs that were planned, of all phases together; `None` in such saves.
        arguments: The arguments of `fit` that were given, but for `train`, `schedule`, `cache` and
            those that change no weights; `validation_data` is `True`. Empty in saves that do not
            tell.
        data: The record of the items that were trained on: `fingerprint` is a hash of them and of
            their targets, `digests` short hashes of single items (of at most 4,096), `targets` a
            table of what there was to learn, `skipped` how many were left out, `skipped_items` the
            first of them with the reasons, and `ignored` how many files were not looked at, by
            ending.
        blocks: The names of the layers of each of the backbone's blocks, by the block's name, from
            the input on; empty in saves that do not tell.
    """

    backbone: str
    source: str
    batch_size: int
    settings: Json = field(default_factory=dict)
    backbone_layers: int | None = None
    train_items: int | None = None
    validation_items: int | None = None
    baseline: float | None = None
    interval: Interval | None = None
    balanced_accuracy: float | None = None
    licence: str = "unknown"
    builder: str = ""
    epochs: int | None = None
    arguments: Json = field(default_factory=dict)
    data: Json = field(default_factory=dict)
    blocks: dict[str, list[str]] = field(default_factory=dict)  # lists, as JSON gives them back
