"""`fewtune predict`: labels for texts and tables, with everything that came with them."""

import csv
import io
import json
import unicodedata
from pathlib import Path

import pytest

import fewtune.run as module
from cli.terminal import FAST, Command, listing, read_csv, texts, write_csv
from fewtune.run import load

LABELS = ("tệ", "tốt")


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is refused must be refused before the model is loaded."""
    monkeypatch.setattr(module, "load", lambda folder: pytest.fail("the model was loaded"))


# --- texts


def test_texts(fewtune: Command, trained: Path):
    done = fewtune("predict", trained, "quán này tuyệt đẹp great", "awful broken dở")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert len(lines) == 2
    for line, text in zip(lines, ("quán này tuyệt đẹp great", "awful broken dở"), strict=True):
        said, _, again = line.partition("\t")
        assert again == text
        label, _, share = said.partition(" (")
        assert label in LABELS
        assert 50 <= float(share.removesuffix("%)")) <= 100


def test_texts_as_json(fewtune: Command, trained: Path):
    done = fewtune("predict", trained, "--json", "một 'câu' \"khó\"\n<b>", "great")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [each["text"] for each in found] == ["một 'câu' \"khó\"\n<b>", "great"]
    for each in found:
        assert set(each) == {"text", "prediction", "probabilities"}
        assert set(each["probabilities"]) == set(LABELS)
        assert sum(each["probabilities"].values()) == pytest.approx(1, abs=1e-9)
        assert each["prediction"] == max(each["probabilities"], key=each["probabilities"].get)
    assert fewtune("predict", trained, "--json", "great").json["text"] == "great"


# --- tables


def test_a_table_comes_back_whole_in_order_with_the_answers_behind_it(fewtune: Command, here: Path, trained: Path):
    """Vietnamese in both Unicode forms, quotes, line breaks, spaces and empty cells: byte for byte."""
    odd = [
        ("007", "Đẹp tuyệt, quán này!", "", "x"),
        ("1e5", unicodedata.normalize("NFD", "Đẹp tuyệt, quán này!"), ' "quoted", ', "  spaces  "),
        ("", "two\nlines great", "ợ ỡ", "\u2028"),
        ("007", "awful " * 200, "🙂", "=1+1"),
    ]
    rows = odd + [(str(number), text, "", "") for number, (text, _) in enumerate(texts(80))][::-1]
    write_csv(here / "new.csv", ["mã", "text", "ghi chú", "x,y"], rows)
    done = fewtune("predict", trained, "--data", "new.csv", "--out", "labelled.csv")
    assert (done.code, done.out) == (0, "")
    found = read_csv(here / "labelled.csv")
    answers = ["prediction", "confidence", "needs_review", "probability_tệ", "probability_tốt"]
    assert list(found[0]) == ["mã", "text", "ghi chú", "x,y", *answers]
    assert [(row["mã"], row["text"], row["ghi chú"], row["x,y"]) for row in found] == rows
    for row in found:
        shares = {label: float(row[f"probability_{label}"]) for label in LABELS}
        assert sum(shares.values()) == pytest.approx(1, abs=2e-6)
        assert row["prediction"] == max(shares, key=lambda label: shares[label])
        assert float(row["confidence"]) == shares[row["prediction"]]
    assert {row["prediction"] for row in found} == set(LABELS)
    # Order: each row has the answer to its own text, although the texts were sorted by length on the way.
    one_by_one = [load(trained).predict([row["text"]])[0] for row in found[:8]]
    for row, alone in zip(found, one_by_one, strict=False):
        assert row["prediction"] == alone.label
        assert float(row["probability_tốt"]) == pytest.approx(alone.probabilities["tốt"], abs=1e-5)


def test_jsonl_in_and_out_keeps_kinds_of_values(fewtune: Command, here: Path, trained: Path):
    rows = [
        {"text": "Đẹp", "n": 1, "f": 0.5, "none": None, "list": [1, "ạ"], "deep": {"a": True}},
        {"text": "dở", "n": "1"},
    ]
    (here / "in.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    assert fewtune("predict", trained, "--data", "in.jsonl", "--out", "out.jsonl").code == 0
    raw = (here / "out.jsonl").read_text(encoding="utf-8")
    assert "Đẹp" in raw
    found = [json.loads(line) for line in raw.splitlines()]
    assert [{name: row[name] for name in rows[0]} for row in found] == [
        {**dict.fromkeys(rows[0]), **row} for row in rows
    ]
    assert all(row["prediction"] in LABELS and 0 < row["probability_tệ"] < 1 for row in found)


def test_the_ending_decides_the_format(fewtune: Command, here: Path, trained: Path):
    write_csv(here / "in.csv", ["text"], [("great",), ("dở",)])
    assert fewtune("predict", trained, "--data", "in.csv", "--out", "out.jsonl").code == 0
    found = [json.loads(line) for line in (here / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["text"] for row in found] == ["great", "dở"]


def test_to_standard_output(fewtune: Command, here: Path, trained: Path):
    write_csv(here / "in.csv", ["text", "n"], [("great, 'đẹp'", 1), ("dở\nquá", 2)])
    before = listing(here)
    done = fewtune("predict", trained, "--data", "in.csv")
    found = list(csv.DictReader(io.StringIO(done.out)))
    assert [(row["text"], row["n"]) for row in found] == [("great, 'đẹp'", "1"), ("dở\nquá", "2")]
    assert all(row["prediction"] in LABELS for row in found)
    as_json = [json.loads(line) for line in fewtune("predict", trained, "--data", "in.csv", "--json").out.splitlines()]
    assert [row["prediction"] for row in as_json] == [row["prediction"] for row in found]
    assert isinstance(as_json[0]["probability_tốt"], float)
    assert listing(here) == before


def test_columns_of_the_same_name_are_left_alone(fewtune: Command, here: Path, trained: Path):
    """A table that was labelled before keeps its old answers beside the new ones."""
    columns = ["text", "prediction", "probability_tốt", "probability_tốt_new"]
    write_csv(here / "in.csv", columns, [("great", "mine", "a", "b")])
    assert fewtune("predict", trained, "--data", "in.csv", "--out", "out.csv").code == 0
    (row,) = read_csv(here / "out.csv")
    assert [row[name] for name in columns] == ["great", "mine", "a", "b"]
    answers = ["prediction_new", "confidence", "needs_review", "probability_tệ", "probability_tốt_new_new"]
    assert list(row)[4:] == answers
    assert row["prediction_new"] in LABELS


def test_the_column_is_the_one_of_training_or_the_one_given(fewtune: Command, here: Path, trained: Path):
    rows = [("x y z", "great tuyệt đẹp"), ("x y z", "awful dở chán")]
    write_csv(here / "in.csv", ["text", "câu"], rows)
    first = list(csv.DictReader(io.StringIO(fewtune("predict", trained, "--data", "in.csv").out)))
    assert first[0]["probability_tốt"] == first[1]["probability_tốt"]  # `text`, as in training
    second = list(
        csv.DictReader(io.StringIO(fewtune("predict", trained, "--data", "in.csv", "--text-column", "câu").out))
    )
    assert second[0]["probability_tốt"] != second[1]["probability_tốt"]


# --- refused before any work


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--data", "in.csv", "--out", "in.csv"], "in.csv exists already and is left as it is"),
        (["--data", "in.csv", "--out", "nowhere/out.csv"], "the folder nowhere does not exist"),
        (["--data", "in.csv", "--out", "out.xls"], "cannot write '.xls' files"),
        (["--data", "in.csv", "--out", "out"], "cannot write '' files"),
        (["--data", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--data", "empty.csv"], "empty.csv is empty"),
        (["--data", "header.csv"], "has column names but no rows"),
        (["--data", "in.csv", "--text-column", "txt"], "did you mean 'text'?"),
        (["--data", "blank.csv"], "1 of 2 rows have no text in column 'text' (lines 3)"),
        (["--data", "other.csv"], "no column looks like text"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_refused_before_the_work(
    fewtune: Command, here: Path, trained: Path, args: list, said: str
):
    write_csv(here / "in.csv", ["text"], [("great",)])
    write_csv(here / "blank.csv", ["text"], [("great",), (" ",)])
    write_csv(here / "header.csv", ["text"], [])
    write_csv(here / "other.csv", ["a", "b"], [("1", "2"), ("3", "4")])
    (here / "empty.csv").touch()
    before = listing(here)
    done = fewtune("predict", trained, *args)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert listing(here) == before


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_what_is_no_run(fewtune: Command, here: Path, folder: str):
    for args in ([folder, "text"], [folder, "--data", "x.csv"]):
        done = fewtune("predict", *args)
        assert (done.code, done.out) == (2, "")
        assert ("no such folder" if folder == "nowhere" else "not a run folder") in done.err


def test_a_file_in_the_place_of_a_text_is_pointed_out(fewtune: Command, here: Path, trained: Path):
    write_csv(here / "mới.csv", ["text"], [["a"]])
    for args in ([], ["--out", "y.csv"]):
        done = fewtune("predict", trained, "mới.csv", *args)
        assert (done.code, done.out) == (2, "")
        assert (
            f"mới.csv is a file, but stands where a text to label would; to label its rows: fewtune predict {trained} --data"
            in done.err
        )
    (here / "ngon").touch()
    assert fewtune("predict", trained, "ngon").code == 0  # a text that happens to be a file's name has no ending


# --- pairs


def test_a_model_of_pairs_wants_pairs(fewtune: Command, here: Path, model: Path):
    rows = [(text, text[::-1], label) for text, label in texts(40)]
    write_csv(here / "d.csv", ["a", "b", "label"], rows)
    columns = ["--text-column", "a", "--pair-column", "b", "--label-column", "label"]
    assert (
        fewtune("train", "d.csv", "--model", model, *columns, "--out", "r", "--quiet", *FAST, "train.epochs=1").code
        == 0
    )
    done = fewtune("predict", "r", "one text")
    assert done.code == 2
    assert "this model reads pairs of texts; give two texts for each, or --data FILE" in " ".join(done.err.split())
    write_csv(here / "new.csv", ["b", "a"], [(b, a) for a, b, _ in rows[:3]])
    done = fewtune("predict", "r", "--data", "new.csv", "--json")
    tuned = load("r")
    expected = tuned.predict([(a, b) for a, b, _ in rows[:3]])
    for line, prediction in zip(done.out.splitlines(), expected, strict=True):
        assert json.loads(line)["probability_tốt"] == pytest.approx(prediction.probabilities["tốt"], abs=1e-5)
