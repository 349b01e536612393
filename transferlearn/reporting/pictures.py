"""Turns figures of Matplotlib into pictures within a page: SVG, or PNG where that is smaller."""

import base64
import itertools
import re
from collections.abc import Callable, Mapping
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

from transferlearn.plotting import INK
from transferlearn.reporting.parts import ReportImage, Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 300_000  # bytes of a picture, so that a report of a dozen stays below 5 MB
_FITS = 480  # pixels; at three quarters of that, letters can still be read
_NARROWEST = "34rem"
_DPI = (144, 110, 80, 60)  # tried until a PNG is small enough
_NOT_SHOWN = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.S)
_STYLE = re.compile(r'<style type="text/css">.*?</style>', re.S)  # the page has it for all pictures
_NAMES = re.compile(r'(\bid="|href="#|url\(#)')
_numbers = itertools.count(1)


def add_pictures(section: Section, draw: Mapping[str, "Callable[[], Figure]"]) -> None:
    """Draws pictures into a section; where one cannot be drawn, the section says why."""
    for title, draw_one in draw.items():
        try:
            figure = draw_one()
            figure.suptitle("")  # the page has the title
            section.pictures.append(_picture(title, figure))
        except (ValueError, TypeError, OSError) as error:
            section.texts.append(f"{title}: not drawn. {error}")


def _picture(title: str, figure: "Figure") -> ReportImage:
    """Writes a figure as HTML."""
    from markupsafe import Markup, escape

    width = round(figure.get_figwidth() * 96)
    # On a phone, a narrow picture is shrunk to fit; a wide one no further than this, and scrolled.
    style = f'style="min-width:min({width}px, {_NARROWEST})"' if width > _FITS else ""
    svg = _svg(figure)
    if len(svg) <= _MOST:
        svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" {style} ', 1)
        return ReportImage(title, Markup(svg))
    png = base64.b64encode(_png(figure)).decode()
    source = f'src="data:image/png;base64,{png}"'
    return ReportImage(
        title, Markup(f'<img alt="{escape(title)}" width="{width}" {style} {source}>')
    )


def _svg(figure: "Figure") -> str:
    """Writes a figure as SVG, in the colour of the page's text and with names of its own."""
    from matplotlib import rc_context

    written = StringIO()
    # Letters are drawn as paths: which fonts there are where the report is read is not known.
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "report"}):
        figure.savefig(written, format="svg", transparent=True)
    svg = _STYLE.sub("", _NOT_SHOWN.sub("", written.getvalue()))
    # Names hold within the whole page, and Matplotlib gives those of all figures alike.
    svg = _NAMES.sub(rf"\1p{next(_numbers)}-", svg)
    return svg.replace(INK, "currentColor").strip()


def _png(figure: "Figure") -> bytes:
    """Writes a figure as a PNG of 256 colours, as sharp as its size allows."""
    from PIL import Image

    for dpi in _DPI:
        written, small = BytesIO(), BytesIO()
        figure.savefig(written, format="png", dpi=dpi, transparent=True)
        image = Image.open(written).convert("RGBA")
        image.quantize(256, Image.Quantize.FASTOCTREE).save(small, "png", optimize=True)
        if len(small.getvalue()) <= _MOST:
            break
    return small.getvalue()
