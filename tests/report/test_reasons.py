"""Why a column was taken, said in the language of the report."""

import ast
import re
from pathlib import Path

import pytest

import fewtune
from fewtune.report.reasons import KNOWN, reason
from fewtune.report.words import Words

ENGLISH, VIETNAMESE = Words("en"), Words("vi")
WRITTEN = {
    "given": "được chỉ định",
    "named 'nội dung'": "có tên là 'nội dung'",
    "named '1234'": "có tên là '1234'",
    "named 'câu 1' and 'câu 2'": "có tên là 'câu 1' và 'câu 2'",
    "few different values (3 in 12000 rows)": "ít giá trị khác nhau (3 trong 12.000 hàng)",
    "lists of values (31 in 499 rows)": "danh sách các giá trị (31 trong 499 hàng)",
    "different numbers (9 in 300 rows)": "các số khác nhau (9 trong 300 hàng)",
    "different texts (300 in 300 rows)": "các văn bản khác nhau (300 trong 300 hàng)",
    "longest text (mean 1250 characters)": "văn bản dài nhất (trung bình 1.250 ký tự)",
}


@pytest.mark.parametrize(("written", "said"), WRITTEN.items())
def test_vietnamese(written, said):
    assert reason(written, VIETNAMESE) == said


@pytest.mark.parametrize("written", WRITTEN)
def test_english_stays_but_for_the_thousands(written):
    assert reason(written, ENGLISH).replace(",", "") == written


def test_a_reason_from_elsewhere_stays_as_it_is():
    assert reason("chosen by hand <b>", VIETNAMESE) == "chosen by hand <b>"


def test_every_reason_that_is_written_is_known():
    """The strings of `data/columns.py` that look like reasons, with their places filled, are all recognised."""
    source = (Path(fewtune.__file__).parent / "data" / "columns.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    doc = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef)
    }
    plain = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    why = next(n.value for n in ast.walk(tree) if isinstance(n, ast.AnnAssign) and ast.unparse(n.target) == "_WHY")
    written = [f"{text} (3 in 4 rows)" for text in ast.literal_eval(why).values()]  # pyright: ignore[reportArgumentType]
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(v.value) if isinstance(v, ast.Constant) else "7" for v in node.values)
            if re.match(r"named|longest", text):
                written.append(text)
    written += ["given"] * ("given" in plain - doc)
    assert len(written) == 10  # `named` is written in three places
    found = {id for text in written for id, pattern in KNOWN.items() if pattern.fullmatch(text)}
    assert all(any(pattern.fullmatch(text) for pattern in KNOWN.values()) for text in written), written
    assert found == set(KNOWN) - {"pair"} | {"pair", "named"}
