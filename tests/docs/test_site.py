"""What MkDocs would refuse or fetch, seen without MkDocs: `make docs` builds the site."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SITE: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def pages(nav: list[Any]) -> list[str]:
    """The paths in a navigation, whatever sections they stand in."""
    found = []
    for entry in nav:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            found += pages(value) if isinstance(value, list) else [value]
    return found


def test_every_page_is_in_the_navigation_once():
    docs = ROOT / "docs"
    written = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    assert sorted(pages(SITE["nav"])) == written, "correct nav in mkdocs.yml"


def test_links_of_the_site_stay_within_the_site():
    """GitHub follows `../README.md`, the site cannot."""
    for path in (ROOT / "docs").rglob("*.md"):
        links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8"))
        outside = [link for link in links if not (path.parent / link).resolve().is_relative_to(ROOT / "docs")]
        assert outside == [], path.name


def test_the_site_loads_nothing_from_the_network():
    assert SITE["theme"]["font"] is False
    assert SITE["plugins"] == ["search"]
    assert "extra_javascript" not in SITE
    assert all((ROOT / "docs" / name).exists() for name in SITE["extra_css"])
    assert "url(" not in "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in SITE["extra_css"])
