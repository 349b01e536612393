"""Sets of labelled images that come with Python packages or are drawn, each stored once as a file.

Each function gives RGB pixels, uint8 `(n, size, size, 3)`, and class ids from 0, int `(n,)`.
"""

import json
import os
from pathlib import Path

import numpy as np
from material import photos, pixels
from PIL import Image, ImageDraw, ImageFont

Labelled = tuple[np.ndarray, np.ndarray]
NAMES = ("solar", "digits", "typefaces", "letters", "emoji")
PRETRAINING = "letters-a-to-m"  # what networks are pretrained on, so `letters` has the others

_OF_EACH_CLASS = 240  # images that are drawn
# The files of each typeface, among the fonts that matplotlib brings.
_TYPEFACES = (
    *("DejaVuSans[.-]*", "DejaVuSansMono*", "DejaVuSerif[.-]*", "STIXGeneral*"),
    *("cmb10*", "cmmi10*", "cmr10*", "cmss10*", "cmti10*", "cmtt10*"),
)
_WORDS = (
    *("the", "of", "and", "to", "in", "is", "you", "that", "it", "he", "was", "for", "on", "are"),
    *("as", "with", "his", "they", "at", "be", "this", "have", "from", "or", "one", "had", "by"),
    *("word", "but", "not", "what", "all", "were", "we", "when", "your", "can", "said", "there"),
)
_EMOJI = (
    *("Flags", "Objects", "Symbols", "Travel & Places", "Smileys & Emotion"),
    *("Animals & Nature", "Food & Drink", "Activities"),
)


def stored(name: str, size: int, cache: Path, emoji: Path | None) -> Path:
    """Returns the `.npz` file of a set, with `x` and `y`, which is made if the cache has none yet.

    Args:
        name: One of `NAMES`, or `PRETRAINING`.
        size: Height and width of the images in pixels.
        cache: The folder of the file.
        emoji: The folder of the npm package emoji-datasource-google, which `emoji` needs.
    """
    path = cache / f"{name}-{size}px.npz"
    if not path.exists():
        x, y = _made(name, size, emoji)
        beside = cache / f"{os.getpid()}-{path.name}"
        np.savez(beside, x=x, y=y)
        beside.rename(path)
    return path


def _made(name: str, size: int, emoji: Path | None) -> Labelled:
    """Loads or draws a set by its name."""
    if name == "emoji":
        assert emoji is not None
        return _emoji(size, emoji)
    if name in ("letters", PRETRAINING):
        return _letters(size, "NOPQRSTUVWXYZ" if name == "letters" else "ABCDEFGHIJKLM")
    return {"solar": _solar, "digits": _digits, "typefaces": _typefaces}[name](size)


def _solar(size: int) -> Labelled:
    """Returns the demo's photos of solar cells, whole or defective."""
    paths, names = photos()
    return pixels(paths, size), np.unique(names, return_inverse=True)[1]


def _digits(size: int) -> Labelled:
    """Returns scikit-learn's handwritten digits, of 8 x 8 pixels in [0, 16], enlarged."""
    from sklearn.datasets import load_digits

    small, y = load_digits(return_X_y=True)
    greys = (small.reshape(-1, 8, 8) * (255 / 16)).astype("uint8")
    enlarged = (Image.fromarray(grey).convert("RGB").resize((size, size)) for grey in greys)
    return np.stack([np.asarray(image) for image in enlarged]), y


def _emoji(size: int, folder: Path) -> Labelled:
    """Google's emoji on white, by category; those of people, alike but for skin, are out."""
    shown = [
        (folder / "img/google/64" / emoji["image"], _EMOJI.index(emoji["category"]))
        for emoji in json.loads((folder / "emoji.json").read_text("utf-8"))
        if emoji["category"] in _EMOJI and emoji["has_img_google"]
    ]
    x = []
    for path, _ in shown:
        image = Image.open(path).convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        x.append(
            np.asarray(Image.alpha_composite(white, image).convert("RGB").resize((size, size)))
        )
    return np.stack(x), np.array([category for _, category in shown])


def _typefaces(size: int) -> Labelled:
    """Draws words in typefaces, which are the classes, some in bold or italics too."""
    rng = np.random.default_rng(0)
    x = [_page(rng, fonts, size) for fonts in _fonts() for _ in range(_OF_EACH_CLASS)]
    return np.stack(x), np.repeat(np.arange(len(_TYPEFACES)), _OF_EACH_CLASS)


def _letters(size: int, alphabet: str) -> Labelled:
    """Draws letters in all typefaces; the letters are the classes."""
    rng = np.random.default_rng(ord(alphabet[0]))
    fonts = [path for paths in _fonts() for path in paths]
    x = [_letter(rng, letter, fonts, size) for letter in alphabet for _ in range(_OF_EACH_CLASS)]
    return np.stack(x), np.repeat(np.arange(len(alphabet)), _OF_EACH_CLASS)


def _fonts() -> list[list[Path]]:
    """Lists the font files of each typeface."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    return [sorted(folder.glob(files)) for files in _TYPEFACES]


def _page(rng: np.random.Generator, fonts: list[Path], size: int) -> np.ndarray:
    """Draws three lines of two words on a light ground."""
    image = Image.new("RGB", (size, size), _colour(rng, 150, 256))
    font, ink = _font(rng, fonts, size // 5, size // 3), _colour(rng, 0, 100)
    for line in range(3):
        x, y = rng.integers((-10, -5), (15, 5))
        words = " ".join(rng.choice(_WORDS, 2))
        ImageDraw.Draw(image).text((x, y + line * size // 3), words, font=font, fill=ink)
    return np.asarray(image)


def _letter(rng: np.random.Generator, letter: str, fonts: list[Path], size: int) -> np.ndarray:
    """Draws a letter, capital or small, turned by up to 25 degrees, and adds noise."""
    ground = _colour(rng, 120, 256)
    image = Image.new("RGB", (size, size), ground)
    ImageDraw.Draw(image).text(
        tuple(rng.integers((0, -size // 8), (size // 3, size // 5))),
        letter if rng.random() < 0.5 else letter.lower(),
        font=_font(rng, fonts, size // 3, size * 4 // 5),
        fill=_colour(rng, 0, 110),
    )
    turned = image.rotate(rng.uniform(-25, 25), fillcolor=ground)
    noise = rng.normal(0, rng.uniform(0, 25), (size, size, 3))
    return np.clip(np.asarray(turned) + noise, 0, 255).astype("uint8")


def _font(
    rng: np.random.Generator, fonts: list[Path], low: int, high: int
) -> ImageFont.FreeTypeFont:
    """Loads one of the fonts, in a random size of at least `low` and below `high` pixels."""
    return ImageFont.truetype(fonts[rng.integers(len(fonts))], int(rng.integers(low, high)))


def _colour(rng: np.random.Generator, low: int, high: int) -> tuple[int, int, int]:
    """Returns a random colour; red, green and blue are at least `low` and below `high`."""
    red, green, blue = rng.integers(low, high, 3).tolist()
    return red, green, blue
