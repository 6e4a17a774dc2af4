"""The report inside a notebook, in a frame of its own, so that neither page's style touches the other."""

import re

from markupsafe import Markup

from fewtune.messages import LANGUAGES
from fewtune.record.folder import RunFolder
from fewtune.report.build import render
from fewtune.report.words import Words

HEIGHT = 680
"""Of the frame, in CSS pixels; the report scrolls in it."""
FRAME = Markup(
    '<p>{line}</p>\n<iframe title="{title}" srcdoc="{page}" sandbox loading="lazy" '
    'style="width: 100%; height: {height}px; border: 1px solid #8884; border-radius: 10px"></iframe>'
)
BASE = '<meta charset="utf-8">\n<base href="about:srcdoc">'
"""Without it `#scores` would be a link into the notebook."""


def inline(folder: RunFolder) -> str:
    """A line that says where the report is, and an `<iframe>` that holds it: as it lies in the folder, or else a new one.

    The line stays where a viewer strips frames, as GitHub does.
    """
    html = folder.report.read_text(encoding="utf-8") if folder.report.exists() else render(folder)
    found = re.search(r'<html lang="(\w+)"', html)
    words = Words(found[1] if found and found[1] in LANGUAGES else "en")
    return FRAME.format(
        line=words("notebook", path=folder.report),
        title=words("title", name=folder.path.name),
        page=html.replace('<meta charset="utf-8">', BASE, 1),
        height=HEIGHT,
    )
