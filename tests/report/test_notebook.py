"""The report in a notebook: in a frame of its own, and the same report."""

from html.parser import HTMLParser

from fewtune.report.build import build_report, render
from fewtune.report.notebook import inline
from report.run_folders import write_run


class Frame(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.frame: dict[str, str | None] = {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "iframe":
            self.frame = dict(attrs)


def test_the_frame_holds_the_report_and_nothing_gets_out(tmp_path):
    folder = write_run(tmp_path / '"><script>run', labels=("</iframe><script>", "b"))
    build_report(folder)
    found = Frame(inline(folder))
    assert found.tags == ["p", "iframe"]
    page = found.frame["srcdoc"] or ""
    assert page.replace('<meta charset="utf-8">\n<base href="about:srcdoc">', '<meta charset="utf-8">') == render(
        folder
    )
    assert "sandbox" in found.frame
    assert found.frame["title"] == 'Report: "><script>run'


def test_it_shows_the_report_that_was_written_in_its_language(tmp_path):
    folder = write_run(tmp_path / "run")
    build_report(folder, "vi")
    html = inline(folder)
    assert "Báo cáo, cũng có trong" in html
    assert "lang=&#34;vi&#34;" in html


def test_without_a_report_it_makes_one_and_writes_nothing(tmp_path):
    folder = write_run(tmp_path / "run")
    assert "Not shown to be better" in inline(folder)
    assert not folder.report.exists()
