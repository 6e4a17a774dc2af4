"""What was trained: what lies below it, and whether that was computed once."""

from pathlib import Path
from typing import Any

import pytest

from fewtune.record.facts import FrozenBlocks, FrozenPart
from fewtune.show.lines import plan_lines
from report.pages import page
from report.run_folders import write_run

BLOCKS = FrozenBlocks(stack="bert.encoder.layer", blocks=4, of=6)


@pytest.mark.parametrize(
    ("facts", "english", "vietnamese"),
    [
        ({"kept": "memory", "bytes": 1_500_000}, "(1.5 MB) were kept in memory", "(1,5 MB) được giữ trong bộ nhớ"),
        ({"kept": "disk", "bytes": 1_500_000}, "(1.5 MB) were kept on disk", "(1,5 MB) được giữ trên đĩa"),
        ({"reason": "epoch"}, "at every step since there is one epoch", "chỉ có một epoch"),
        ({"reason": "anew"}, "covered or put together anew", "được che hoặc ghép lại"),
        ({"reason": "room"}, "there is neither memory nor disk", "cả bộ nhớ lẫn đĩa"),
        ({"reason": "differs"}, "at every step, with dropout", "có dropout"),
    ],
)
def test_the_report_says_what_became_of_the_frozen_part(
    facts: dict[str, Any], english: str, vietnamese: str, tmp_path: Path
) -> None:
    folder = write_run(tmp_path / "run", frozen=FrozenPart(stacks=(BLOCKS,), **facts))
    for language, said in (("en", english), ("vi", vietnamese)):
        text = page(folder, language).text
        assert said in text
        assert "bert.encoder.layer" in text
    assert "blocks 1–4 of 6" in page(folder).text


@pytest.mark.parametrize("frozen", [None, FrozenPart()])
def test_nothing_is_said_where_nothing_lies_below(frozen: FrozenPart | None, tmp_path: Path) -> None:
    assert "Nothing learned in" not in page(write_run(tmp_path / "run", frozen=frozen)).text


def test_the_plan_says_it_in_both_languages(tmp_path: Path) -> None:
    plan = write_run(tmp_path / "run").read_plan()

    def said(language: str, **facts: Any) -> str:
        frozen = FrozenPart(stacks=(BLOCKS,), **facts)
        return "\n".join(plan_lines(plan.model_copy(update={"frozen": frozen}), language))

    assert "computed once for all rows, without dropout; its outputs take at most 1,500 bytes" in said("en", bytes=1500)
    assert "được tính một lần cho mọi hàng, không có dropout" in said("vi", bytes=1500)
    assert "at every step since there is one epoch" in said("en", reason="epoch")
    assert "ở mỗi bước vì chỉ có một epoch" in said("vi", reason="epoch")
