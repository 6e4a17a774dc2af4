"""A strict reader of the report's HTML."""

from html.parser import HTMLParser

from fewtune.record.folder import RunFolder
from fewtune.report.build import build_report

VOID = {"meta", "br", "wbr"}
WITHIN = {"bdi", "wbr", "code", "span", "i", "a", "strong"}
"""Elements that do not begin a new word."""


class Page(HTMLParser):
    """Every element is closed in its order, every id is there once, every anchor leads somewhere."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open
        ids = [value for name, value in self.attributes if name == "id"]
        assert len(ids) == len(set(ids))
        assert {value for name, value in self.attributes if name == "href"} <= {f"#{id}" for id in ids}
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.words.append("" if tag in WITHIN else " ")
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)


def page(folder: RunFolder, language: str = "en") -> Page:
    return Page(build_report(folder, language).read_text(encoding="utf-8"))
