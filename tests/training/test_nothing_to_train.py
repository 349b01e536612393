"""A phase that would train nothing is refused before it begins."""

from dataclasses import dataclass

import keras
import pytest

import transferlearn as tl
from tests.spectra import SpectraClassifier, backbone, spectra

pytestmark = pytest.mark.core


@dataclass(frozen=True)
class Fixed(tl.heads.Head):
    """A head without weights."""

    def __call__(self, features, num_classes, *, activation="softmax"):
        return keras.layers.Softmax()(features[:, :num_classes])


def test_a_frozen_backbone_with_a_head_without_weights_is_refused():
    builder = SpectraClassifier(backbone(), head=Fixed(), freeze="all", seed=0)
    with pytest.raises(ValueError, match=r"nothing to train.*freeze=tl.freezing.TrainLastBlocks"):
        builder.fit(spectra(20), epochs=1, schedule=tl.OnePhase(), verbose=0)


def test_with_a_free_layer_it_is_trained():
    builder = SpectraClassifier(backbone(), head=Fixed(), freeze="first", seed=0)
    fitted = builder.fit(spectra(20), epochs=1, schedule=tl.OnePhase(), verbose=0)
    assert fitted.phases[0].trainable_parameters
