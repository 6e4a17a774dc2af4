"""docs/models.md shows the table of models as it is."""

from pathlib import Path

from click.testing import CliRunner

from fewtune.cli.models import models

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def test_the_page_holds_the_table_and_nothing_older():
    made = CliRunner().invoke(models, ["--markdown"], obj="en").output.strip()
    assert len(made.splitlines()) > 30
    text = PAGE.read_text(encoding="utf-8")
    assert text.strip().endswith(made), "run: fewtune models --markdown, and put it behind the head of docs/models.md"
    assert text.count("|---|") == made.count("|---|")
