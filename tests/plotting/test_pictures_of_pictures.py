"""What goes in, the answer and the target are drawn side by side."""

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import small_backbone
from tests.pictures import blocks
from transferlearn.tasks import PictureEncoding

pytestmark = pytest.mark.core
ENCODING = PictureEncoding(scale=2, size=(32, 32), originals=True)


@pytest.fixture(scope="module")
def evaluation():
    good = blocks(5)
    worse = good.astype("float32")
    worse[3, :16] = 0
    worse[1, :4] = 0
    return ENCODING.scoring.measure(worse, good)


def test_the_worst_pictures_come_first(evaluation):
    found = tl.plotting.mistakes(evaluation, 2)
    assert [one.item for one in found] == [3, 1]
    psnr, ssim, *_ = evaluation.by_item[3]
    assert found[0].lines == (f"SSIM {ssim:.3f}", f"PSNR {psnr:.1f} dB")


def test_figures_are_drawn_as_they_are(evaluation):
    (draw,) = tl.plotting.pictures(evaluation).values()
    first, second = draw().axes
    for ax, i in ((first, 0), (second, 1)):
        assert sum(bar.get_height() for bar in ax.patches) == 5
        assert ax.lines[0].get_xdata()[0] == pytest.approx(evaluation.by_item[:, i].mean())


def test_pictures_are_drawn_in_rows(evaluation):
    head = tl.heads.PictureUNet(width=2, features=("image", "stride_4"))
    builder = tl.ImageToImageBuilder(
        small_backbone(), degradation=tl.data.super_resolution(2), head=head, seed=0, freeze="all"
    )
    good = blocks(5)
    fitted = builder.fit(good, epochs=1, validation_split=0, verbose=0)
    axes = tl.plotting.show_pictures(fitted, good, evaluation, count=2).axes
    assert [ax.get_title("left") for ax in axes[:3]] == ["what goes in", "answer", "target"]
    given, answer, target = (np.asarray(ax.images[0].get_array()) for ax in axes[:3])
    np.testing.assert_array_equal(given, tl.data.super_resolution(2)(good[3]))
    np.testing.assert_array_equal(target, good[3])
    small = fitted.predict(given)
    np.testing.assert_array_equal(answer, small.pixels)
    drawn = tl.plotting.show_batch(builder, good, count=2)
    assert len(drawn.axes[0].child_axes) == 1
    with pytest.raises(ValueError, match="or an evaluation of files"):
        tl.plotting.show_pictures(fitted, None, evaluation)
