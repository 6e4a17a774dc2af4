"""The report of run folders that were written by hand: the numbers and the words."""

import re

import pytest

from fewtune.errors import FormatError
from fewtune.record.event import Event
from fewtune.record.plan import Finding, PlannedColumn, PlannedLayer
from fewtune.report.build import build_report
from fewtune.report.sections.learning import learning
from fewtune.report.sections.trained import groups
from fewtune.report.words import Words
from report.pages import Page, page
from report.run_folders import LEAKAGE, LOSSES, run_scores, write_run


def test_says_whether_it_worked_and_by_how_much(tmp_path):
    text = page(write_run(tmp_path / "reviews-lora-1")).text
    assert text.index("reviews-lora-1") < text.index("Not shown to be better") < text.index("What the checks found")
    for said in (
        "On 40 test rows the tuned model reaches 75.0% accuracy (60.0% to 85.0%); the strongest baseline, counting words",
        "reaches 55.0%. The difference on the same rows is +20.0 points (0.0 to +40.0), p = 0.096.",
        "Do not rely on it",
        "111,744 of 23,046,147 parameters learned (0.48%)",
        "bert.encoder.layer.0–5.attention.self.key",
        "Training: 140 rows Validation: 20 rows Test: 40 rows",
        "Give each text one of 3 labels, learned from 140 training rows of messages_en.csv.",
        "22 tokens at the median, 31 or less in 95 of 100 rows, 47 at most. The limit is 512.",
        "53674f7949f3ab07" * 4,
        "fewtune train 'my messages.csv'",
        "2.13.0+cpu",
        "Seed 7",
        "6 of 8 epochs, on cpu",
        "8 chosen by fewtune",
        "Nothing to warn about",
    ):
        assert said in text, said


@pytest.mark.parametrize(
    ("tuned", "other", "kind", "said"),
    [
        (0.92, 0.55, "better", "Better than the strongest baseline"),
        (0.75, 0.55, "unclear", "that may be chance"),
        (0.55, 0.55, "no_better", "No better than the strongest baseline"),
        (0.50, 0.60, "no_better", "The difference on the same rows is −10.0 points (−30.0 to +10.0)"),
        (0.40, 0.70, "worse", "Worse than the strongest baseline"),
        (0.40, 0.70, "worse", "Do not use it: the simpler baseline is the better model here"),
    ],
)
def test_verdict(tmp_path, tuned, other, kind, said):
    found = page(write_run(tmp_path / "run", scores=run_scores(("a", "b"), tuned, other)))
    assert ("class", f"verdict {kind}") in found.attributes
    assert said in found.text


def test_is_a_function_of_the_folder(tmp_path):
    folder = write_run(tmp_path / "run")
    first = build_report(folder)
    assert first == folder.report
    before = first.read_bytes()
    assert build_report(folder).read_bytes() == before
    assert sorted(path.name for path in tmp_path.rglob("*report*")) == ["report.html"]


def test_unfinished_run_says_how_to_go_on(tmp_path):
    text = page(write_run(tmp_path / "run", finished=False, saved="")).text
    assert "No verdict" in text
    assert "There are no scores" in text
    assert f"fewtune resume {(tmp_path / 'run').as_posix()}" in text
    assert "import fewtune" not in text


def test_many_labels_show_the_pairs_most_often_confused(tmp_path):
    found = page(write_run(tmp_path / "run", labels=tuple(f"label{i}" for i in range(77))))
    assert "the 15 most frequent confusions of 75, among 77 labels" in found.text
    assert ("class", "matrix many") not in found.attributes
    assert "label7 label6 6 38%" in found.text
    assert "The other 65 labels" in found.text
    assert ("class", "matrix many") in page(write_run(tmp_path / "small", labels=tuple("abcdefgh"))).attributes


def test_matrix_counts_and_shades(tmp_path):
    found = page(write_run(tmp_path / "run"))
    assert "health 0 1 9% 10 91%" in found.text
    assert ("style", "--s:0.909") in found.attributes
    assert ("title", "1 of 11 rows of health were called finance") in found.attributes


def test_labels_come_lowest_first(tmp_path):
    text = page(write_run(tmp_path / "run")).text
    table = text[text.index("Label by label") :]
    assert table.index("health 13 0.250") < table.index("finance 13 0.375") < table.index("customer_service 13 0.750")


def test_overfitting_is_named(tmp_path):
    text = page(write_run(tmp_path / "run")).text
    assert (
        "Overfitting: after epoch 3 the validation loss rose from 0.418 to 0.517, while the training loss fell" in text
    )
    assert "from 0.512 to 0.0758. The model began to learn the training rows by heart." in text
    assert (
        "Stopped early: 3 evaluations without a better score; the best was after epoch 3. That is the model that was saved."
        in text
    )
    assert "3 best 0.512 0.418" in text


@pytest.mark.parametrize("losses", [LOSSES[:3], ((1.0, 0.5), (1.1, 0.6)), ((1.0, 0.5), (0.9, 0.5000001)), LOSSES[:1]])
def test_overfitting_is_not_named_without_cause(tmp_path, losses):
    text = page(write_run(tmp_path / "run", losses=losses, epochs=len(losses))).text
    assert "Overfitting" not in text
    assert ("still falling" in text) == (losses == LOSSES[:3])


def test_findings_are_told_twice(tmp_path):
    text = page(
        write_run(tmp_path / "run", findings=[LEAKAGE, Finding(id="of_tomorrow", level="note", values={"rows": 3})])
    ).text
    assert "Warnings about the data: 1." in text
    assert f"Warning: {LEAKAGE.say()}" in text
    assert "Note: of_tomorrow: rows = 3" in text


@pytest.mark.parametrize(
    ("saved", "expected", "absent"),
    [
        ("adapter/adapter_config.json", "PeftModel.from_pretrained(base, folder)", "no format"),
        ("adapter/fewtune.json", "Other libraries have no format for what this method learned", "transformers import"),
        ("model/model.safetensors", "model = AutoModelForSequenceClassification.from_pretrained(folder)", "peft"),
    ],
)
def test_lines_to_copy_fit_what_was_saved(tmp_path, saved, expected, absent):
    folder = write_run(tmp_path / "my run", saved=saved)
    html = build_report(folder).read_text(encoding="utf-8")
    text = Page(html).text
    assert expected in text
    assert absent not in text
    assert f'fewtune predict "{folder.path.as_posix()}" "some text"' in text


def test_lines_to_copy_are_python_also_for_pairs(tmp_path):
    folder = write_run(
        tmp_path / "odd $name",
        revision="abc",
        columns={role: PlannedColumn(name=role, reason="given") for role in ("text", "pair", "label")},
    )
    html = build_report(folder).read_text(encoding="utf-8")
    blocks = [Page(f"<pre>{block}</pre>") for block in re.findall(r"<pre[^>]*>(.*?)</pre>", html, re.DOTALL)][1:3]
    assert len(blocks) == 2
    for block in blocks:
        compile("".join(block.words).strip(), "snippet", "exec")
    assert '[("some text", "some second text")]' in blocks[0].text
    assert 'revision="abc"' in blocks[1].text
    assert "some second text" in blocks[1].text
    assert "predict '" in Page(html).text


def test_a_damaged_folder_is_refused(tmp_path):
    folder = write_run(tmp_path / "run")
    folder.scores.write_text("{", encoding="utf-8")
    with pytest.raises(FormatError, match=r"scores\.json"):
        build_report(folder)
    assert not folder.report.exists()


def test_seconds_of_all_sittings_count():
    seconds = (1.0, 9.0, 0.5, 3.0)
    assert learning([Event(kind="phase", seconds=at) for at in seconds]).seconds == 12.0
    assert learning([]).seconds is None


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["h.0.a", "h.1.a", "h.2.a"], ["h.0–2.a"]),
        (["h.0.a", "h.2.a"], ["h.*.a"]),
        (["h.7.a"], ["h.7.a"]),
        (["h.0.e.0.a", "h.0.e.1.a"], ["h.*.e.*.a"]),
        (["a", "b.1", "b.0"], ["a", "b.0–1"]),
    ],
)
def test_groups_of_layers(paths, expected):
    found = groups([PlannedLayer(path=path, what="trained", parameters=2) for path in paths])
    assert [group.path for group in found] == expected
    assert sum(group.parameters for group in found) == 2 * len(paths)


def test_numbers_of_each_language():
    english, vietnamese = Words("en"), Words("vi")
    assert (english.whole(1234567), vietnamese.whole(1234567)) == ("1,234,567", "1.234.567")
    assert (english.percent(0.7549), vietnamese.percent(0.7549)) == ("75.5%", "75,5%")
    assert [english.percent(share) for share in (0, 0.0001, 0.0006, 0.9999, 1)] == [
        "0.0%",
        "<0.1%",
        "0.1%",
        ">99.9%",
        "100.0%",
    ]
    assert [english.change("accuracy", value) for value in (0.2, 0.0, -0.00001, -0.1)] == [
        "+20.0",
        "0.0",
        "0.0",
        "−10.0",
    ]
    assert [english.change("macro_f1", value) for value in (0.2, 0.0001, -0.1)] == ["+0.200", "0.000", "−0.100"]
    said = [english.p(value).replace("\u00a0", " ") for value in (0.0004, 0.096, 1)]
    assert said == ["p < 0.001", "p = 0.096", "p = 1.000"]
    sizes = [
        english.size(count).replace("\u00a0", " ") for count in (0, 999, 1000, 612_345, 90_868_376, 14_500_000_000)
    ]
    assert sizes == ["0 B", "999 B", "1.0 kB", "612 kB", "90.9 MB", "14.5 GB"]
    assert vietnamese.memory(1_800_000_000) == "1,7\u00a0GiB"
    assert [english.number(value) for value in (3.0, -2.5, 0.123456, 12345.678, 0.0)] == [
        "3",
        "−2.5",
        "0.1235",
        "12,346",
        "0",
    ]
    assert [english.epoch(value) for value in (3.0, 2.37)] == ["3", "2.4"]
    assert [english.duration(seconds) for seconds in (0.3, 32, 250, 3900)] == [
        "0.3 s",
        "32 s",
        "4 min 10 s",
        "1 h 5 min",
    ]
    assert [vietnamese.duration(seconds) for seconds in (0.3, 32, 250, 3900)] == [
        "0,3 giây",
        "32 giây",
        "4 phút 10 giây",
        "1 giờ 5 phút",
    ]
    assert [english.loss(value) for value in (1.0, 0.9999, 0.08, 1.179, 12.0)] == ["1.00", "1.00", "0.08", "1.18", "12"]
