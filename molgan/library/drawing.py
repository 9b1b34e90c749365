"""Compact drawings of molecules for HTML pages, made from RDKit's drawings."""

import re

from rdkit.Chem.Draw import rdMolDraw2D

from molgan.chemistry.parsed_text import ParsedText, Text

WIDTH, HEIGHT = 200, 150
_PATH = re.compile(r"<path [^>]*?d='([^']+)' style='([^']*)'")
_TEXT = re.compile(r"<text x='([^']+)' y='([^']+)'[^>]*?font-size:(\d+)px[^>]*?fill:(#\w+)' >([^<]+)</text>")
_STROKE, _FILL, _STROKE_WIDTH = (re.compile(rf"(?:^|;){name}:([^;]+)") for name in ("stroke", "fill", "stroke-width"))
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

Drawing = tuple[list[list[object]], list[list[object]]]
"""Paths `[colour, stroke width or 0 for filled, data]` and texts `[x, y, size, colour, letters]`, within 200 x 150."""


def draw(smiles: Text) -> Drawing:
    """The two-dimensional drawing of a molecule that RDKit reads; colours are "#rrggbb", "" for black.

    >>> paths, texts = draw("CO")
    >>> [text[4] for text in texts]
    ['O', 'H']
    """
    drawer = rdMolDraw2D.MolDraw2DSVG(WIDTH, HEIGHT, -1, -1, True)
    drawer.drawOptions().clearBackground = False
    drawer.DrawMolecule(ParsedText.of(smiles).mol)
    drawer.FinishDrawing()
    page = drawer.GetDrawingText()
    together: dict[tuple[str, float], list[str]] = {}
    for data, style in _PATH.findall(page):
        stroke, fill, width = (
            found[1] if (found := part.search(style)) else "" for part in (_STROKE, _FILL, _STROKE_WIDTH)
        )
        filled = fill not in ("", "none")
        key = (_colour(fill if filled else stroke), 0 if filled else float(width.removesuffix("px")))
        together.setdefault(key, []).append(_shortened(data))
    paths = [[colour, width, "".join(parts)] for (colour, width), parts in together.items()]
    texts = [
        [round(float(x)), round(float(y)), int(size), _colour(colour), letters]
        for x, y, size, colour, letters in _TEXT.findall(page)
    ]
    return paths, texts


def _colour(colour: str) -> str:
    return "" if colour == "#000000" else colour


def _shortened(data: str) -> str:
    rounded = _NUMBER.sub(lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), data)
    return re.sub(r"\s*([MLZQC])\s*", r"\1", rounded)


def svg(smiles: str) -> str:
    """The drawing as an SVG element that takes the colour of the text around it."""
    paths, texts = draw(smiles)
    drawn = [
        f'<path d="{data}" '
        + (f'fill="none" stroke="{colour}" stroke-width="{width}"/>' if width else f'fill="{colour}"/>')
        for colour, width, data in ((colour or "currentColor", width, data) for colour, width, data in paths)
    ]
    drawn += [
        f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour or "currentColor"}">{letters}</text>'
        for x, y, size, colour, letters in texts
    ]
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" role="img">{"".join(drawn)}</svg>'
