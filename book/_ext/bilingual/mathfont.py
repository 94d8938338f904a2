"""The font of the formulas: STIX Two Math, cut down to what TeX in a book asks for.

The package ziamath brings the font (SIL Open Font License, kept in the font's names). It travels inside a
style sheet, because browsers refuse font files to pages opened as files.
"""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

STYLE = "bilingual/math.css"
FAMILY = "Book Math"
SOURCE = "ziamath/fonts/STIXTwoMath-Regular.ttf"  # found without importing the package
NAMES_KEPT = [0, 7, 13, 14]  # copyright, trademark, licence and its address
# First and last of each run: Latin, accents, Greek, punctuation, letters like ℝ, arrows, operators,
# brackets, and the mathematical alphabets (bold, italic, double-struck, Greek, digits).
RUNS = """0020-007e 00a0-00a0 00ac-00ac 00b1-00b1 00b7-00b7 00d7-00d7 00f7-00f7 02c6-02dc 0302-0308 0391-03f5
2010-2026 2032-2037 2061-2064 20d6-20d7 210e-2115 211d-2124 2190-2194 21a6-21a6 21d0-21d4 27f5-27fa
2200-2213 2217-2220 2223-222b 2234-2237 223c-223d 2243-224d 2260-226b 2282-228b 2295-2299 22a4-22a5
22c0-22c5 22ee-22f1 2308-230b 27e8-27e9 1d400-1d467 1d538-1d56b 1d6a8-1d71b 1d7ce-1d7e1"""


def characters() -> frozenset[int]:
    """Return the code points that the font has."""
    runs = [[int(end, 16) for end in run.split("-")] for run in RUNS.split()]
    return frozenset(code for first, last in runs for code in range(first, last + 1))


def even_radicals(font: TTFont) -> None:
    """Give the taller root signs the width of the small one.

    Chromium reserves for every root the width of the widest sign, which would leave a gap behind it.
    """
    variants, glyphs, metrics = font["MATH"].table.MathVariants, font["glyf"], font["hmtx"]
    root = font.getBestCmap()[0x221A]
    made = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(root)]
    names = {record.VariantGlyph for record in made.MathGlyphVariantRecord}
    names |= {part.glyph for part in made.GlyphAssembly.PartRecords}
    width = metrics[root][0]
    for name in names:
        glyph, share = glyphs[name], width / metrics[name][0]
        glyph.coordinates.scale((share, 1))
        glyph.coordinates.toInt()
        glyph.recalcBounds(glyphs)
        metrics[name] = (width, glyph.xMin)


@lru_cache(maxsize=1)
def font_file() -> bytes:
    """Return the font, as WOFF."""
    options = Options(
        flavor="woff", layout_features=["ssty"], hinting=False, notdef_outline=True, name_IDs=NAMES_KEPT
    )
    options.drop_tables += ["DSIG", "GPOS"]
    font = TTFont(distribution("ziamath").locate_file(SOURCE))
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=characters())
    subsetter.subset(font)
    even_radicals(font)
    font.flavor = options.flavor
    made = io.BytesIO()
    font.save(made)
    return made.getvalue()


def style() -> str:
    """Return the style sheet that holds the font."""
    data = base64.b64encode(font_file()).decode()
    return (
        f'@font-face {{ font-family: "{FAMILY}"; font-display: block; '
        f'src: url("data:font/woff;base64,{data}") format("woff"); }}\n'
    )


def write_style(app: Sphinx) -> None:
    """Write the style sheet into the site."""
    if app.builder.format == "html":
        path = Path(app.outdir) / "_static" / STYLE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(style(), encoding="utf-8")
