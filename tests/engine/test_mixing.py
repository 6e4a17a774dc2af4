"""Mixtures of instructions: what is learned and judged, how often, in which forms; and whole runs on them."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import fewtune
from fewtune.data.instructions import Question
from fewtune.engine.mixing import COMPLETION, FORM, PROMPT, SET, fit, how_many, mixed_sources
from fewtune.engine.mixture import Mixture, read_mixture
from fewtune.errors import ConfigError, DataError
from fewtune.settings import DataConfig, RunConfig
from models import write_tiny

TEMPLATES = """
language: en
task: classification
places: {premise: text, hypothesis: pair}
words: {yes: có, no: không}
templates:
  - {input: "A: {text}\\n{options}", target: "{label}"}
  - {input: "B: {text}\\n{options}", target: "{label}"}
inverted:
  - {input: "C: {label}", target: "{text}"}
thought:
  - {input: "D: {text}", target: "{rationale} So {label}"}
"""
QUESTIONS = """
language: vi
task: question_answering
words: {"": không rõ}
templates:
  - {input: "{pair} {text}", target: "{label}"}
"""


def write(folder: Path, name: str, rows: Sequence[dict[str, Any]]) -> None:
    (folder / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def labelled(count: int, name: str) -> list[dict[str, Any]]:
    return [
        {"text": f"{name} số {n}", "label": ("yes", "no")[n % 2], "rationale": "" if n % 3 else f"vì {n}"}
        for n in range(count)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "t.yaml").write_text(TEMPLATES, encoding="utf-8")
    (tmp_path / "q.yaml").write_text(QUESTIONS, encoding="utf-8")
    write(tmp_path, "a.jsonl", labelled(100, "cá"))
    write(tmp_path, "b.jsonl", labelled(40, "gà"))
    write(
        tmp_path,
        "q.jsonl",
        [
            {
                "question": f"Ở đâu {n}?",
                "context": f"Nhà {n} ở Huế, tức cố đô.",
                "answers": {"text": texts, "answer_start": starts},
            }
            for n in range(20)
            for texts, starts in [
                ([["Huế", "cố đô"], []][n % 2], [[len(f"Nhà {n} ở "), len(f"Nhà {n} ở Huế, tức ")], []][n % 2])
            ]
        ],
    )
    return tmp_path


SETS = """
  - {name: a, data: a.jsonl, templates: t.yaml}
  - {name: b, data: {path: b.jsonl, label_column: label}, templates: [t.yaml], held_out: true}
  - {name: q, data: q.jsonl, templates: q.yaml}
"""


def mixture(folder: Path, more: str = "", sets: str = SETS) -> DataConfig:
    (folder / "mix.yaml").write_text(f"{more}\nsets:{sets}", encoding="utf-8")
    return DataConfig(path=folder / "mix.yaml")


def test_every_row_is_learned_once_and_none_is_judged_too(folder: Path) -> None:
    found = mixed_sources(mixture(folder, "forms: {few_shot: 0, inverted: 0, thought: 0}"))
    texts = {split: [row[PROMPT] for row in table.rows if row[SET] == "a"] for split, table in found.tables.items()}
    numbers = {
        split: Counter(int(text.split("số ")[1].split("\n")[0]) for text in each) for split, each in texts.items()
    }
    assert sum(numbers.values(), Counter()) == Counter(range(100))
    assert {split: len(each) for split, each in texts.items()} == {"train": 70, "validation": 10, "test": 20}
    assert {row[FORM] for table in found.tables.values() for row in table.rows} == {"zero_shot"}


def test_a_held_out_set_is_only_judged_and_never_shown(folder: Path) -> None:
    found = mixed_sources(mixture(folder))
    held = [row for row in found.tables["test"].rows if "held out" in row[SET]]
    assert len(held) == 40
    assert {row[FORM] for row in held} == {"zero_shot"}
    for split in ("train", "validation"):
        assert not any("gà" in row[PROMPT] + str(row[COMPLETION]) for row in found.tables[split].rows)
    assert any(note.id == "mixture_held_out" and note.values["test"] == 40 for note in found.notes)


def test_the_forms_stand_as_the_templates_say(folder: Path) -> None:
    rows = [row for row in mixed_sources(mixture(folder)).tables["train"].rows if row[SET] == "a"]
    forms = Counter(row[FORM] for row in rows)
    assert set(forms) == {"zero_shot", "few_shot", "thought", "inverted"}
    options = "\nOPTIONS:\n- không\n- có"
    judged = {
        row[PROMPT] for split in ("validation", "test") for row in mixed_sources(mixture(folder)).tables[split].rows
    }
    for row in rows:
        parts = row[PROMPT].split("\n\n")
        if row[FORM] == "zero_shot":
            assert row[PROMPT][:3] in ("A: ", "B: ") and row[PROMPT].endswith(options) and len(parts) == 1
            assert row[COMPLETION] == ("có", "không")[int(row[PROMPT].split("số ")[1].split("\n")[0]) % 2]
        elif row[FORM] == "few_shot":
            assert len(parts) == 4 and len({part[:3] for part in parts}) == 1, "three shots in the same wording"
            for shot in parts[:3]:
                number = int(shot.split("số ")[1].split("\n")[0])
                assert shot.endswith(f"{options}\n{('có', 'không')[number % 2]}")
                assert shot.rpartition("\n")[0] not in judged
            assert len({part.split("số ")[1].split("\n")[0] for part in parts}) == 4, "no row is its own shot"
        elif row[FORM] == "thought":
            number = int(row[PROMPT].split("số ")[1])
            assert number % 3 == 0 and row[COMPLETION] == f"vì {number} So {('có', 'không')[number % 2]}"
        else:
            assert row[PROMPT] in ("C: có", "C: không") and row[COMPLETION].startswith("cá số")


def test_a_set_has_words_and_constants_of_its_own_before_those_of_its_templates(folder: Path) -> None:
    of = TEMPLATES.replace("places:", "constants: {shop: chợ}\nplaces:").replace("A: {text}", "A {shop}: {text}")
    (folder / "t.yaml").write_text(of, encoding="utf-8")
    sets = "\n  - {name: a, data: a.jsonl, templates: t.yaml, labels: {yes: đúng}, constants: {shop: quán}}"
    rows = mixed_sources(mixture(folder, sets=sets)).tables["test"].rows
    assert {row[COMPLETION] for row in rows} == {"đúng", "không"}
    assert all(row[PROMPT].startswith(("A quán: ", "B: ")) and "- đúng" in row[PROMPT] for row in rows)


def test_judged_rows_are_put_in_every_wording_with_all_references(folder: Path) -> None:
    found = mixed_sources(mixture(folder))
    first = Counter(row[PROMPT][0] for row in found.tables["test"].rows if row[SET] == "a")
    assert first == {"A": 10, "B": 10}
    answers = [row[COMPLETION] for row in found.tables["test"].rows if row[SET] == "q"]
    assert answers and all(answer in (["Huế", "cố đô"], "không rõ") for answer in answers)


def test_the_same_file_gives_the_same_data_and_another_seed_another(folder: Path) -> None:
    one, two, three = (mixed_sources(mixture(folder, f"seed: {seed}")) for seed in (0, 0, 1))
    assert {name: table.rows for name, table in one.tables.items()} == {name: t.rows for name, t in two.tables.items()}
    assert one.tables["train"].rows != three.tables["train"].rows


def test_caps_and_weights_decide_how_much_is_learned() -> None:
    def of(**options: Any) -> Mixture:
        sets = options.pop("sets", [{"name": name} for name in "ab"])
        return Mixture.model_validate(
            {"sets": [{"data": "x.csv", "templates": "t"} | each for each in sets], **options}
        )

    sizes = {"a": 10_000, "b": 500}
    assert how_many(of(), sizes) == {"a": 3000, "b": 500}
    assert how_many(of(cap=100), sizes) == {"a": 100, "b": 100}
    assert how_many(of(rows=700), sizes) == {"a": 600, "b": 100}
    weighted = [{"name": "a", "weight": 1}, {"name": "b", "weight": 3}, {"name": "c", "held_out": True}]
    assert how_many(of(sets=weighted, rows=1000), sizes) == {"a": 250, "b": 750}
    assert how_many(of(sets=weighted), sizes) == {"a": 875, "b": 2625}


def test_a_small_set_with_a_large_weight_is_put_several_times_and_that_is_said(folder: Path) -> None:
    sets = SETS.replace("templates: q.yaml", "templates: q.yaml, weight: 1").replace(
        "a.jsonl, templates: t.yaml", "a.jsonl, templates: t.yaml, weight: 1"
    )
    found = mixed_sources(mixture(folder, "rows: 80", sets))
    assert Counter(row[SET] for row in found.tables["train"].rows) == {"a": 40, "q": 40}
    [said] = [note for note in found.notes if note.id == "mixture_repeated"]
    assert said.values["name"] == "q" and said.values["of_rows"] == 14


def test_shots_that_do_not_fit_are_left_out_from_the_first(folder: Path) -> None:
    shots = [Question("a" * 10, "b"), Question("c" * 10, "d")]
    assert fit(shots, "e", lambda text: len(text) <= 100) == shots
    assert fit(shots, "e", lambda text: len(text) <= 20) == shots[1:]
    assert fit(shots, "e", lambda text: len(text) <= 10) == []
    found = mixed_sources(mixture(folder, "few_shot_characters: 100\nforms: {zero_shot: 0, inverted: 0, thought: 0}"))
    assert any(note.id == "mixture_fewer_shots" and note.values["name"] == "a" for note in found.notes)
    few = [row for row in found.tables["train"].rows if row[FORM] == "few_shot"]
    assert few and all(len(row[PROMPT]) <= 100 for row in few)


def test_rows_learned_in_one_set_and_judged_in_another_are_counted(folder: Path) -> None:
    write(folder, "b.jsonl", [*labelled(40, "gà"), *labelled(30, "cá")])
    found = mixed_sources(mixture(folder))
    [said] = [note for note in found.notes if note.id == "mixture_shared"]
    trained = {row["text"] for row in _source_rows(folder, "a.jsonl")} - _judged(mixed_sources(mixture(folder)), "a")
    assert said.values["rows"] == sum(f"cá số {n}" in trained for n in range(30))
    assert (said.values["name"], said.values["other"]) == ("b", "a")


def _source_rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def _judged(found: Any, name: str) -> set[str]:
    rows = [row for split in ("validation", "test") for row in found.tables[split].rows if row[SET] == name]
    return {row[PROMPT].split("\n")[0][3:] for row in rows}


WRONG: dict[str, tuple[str, str, str]] = {
    "twice": ("", SETS.replace("name: q", "name: a"), "two sets are called 'a'"),
    "nothing to learn": ("", "\n  - {name: b, data: b.jsonl, templates: t.yaml, held_out: true}", "every set is held out"),
    "some weights": ("", SETS.replace("templates: q.yaml", "templates: q.yaml, weight: 2"), "q have a weight and a have none"),
    "two tasks": ("", SETS.replace("templates: q.yaml", "templates: [q.yaml, t.yaml]"), "different tasks"),
    "no such templates": ("", SETS.replace("q.yaml", "p.yaml"), "'p.yaml' is neither"),
    "unknown option": ("caps: 3", SETS, "did you mean 'cap'"),
    "no form": ("forms: {zero_shot: 0, few_shot: 0, thought: 1, inverted: 0}", SETS, "none of the forms"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_in_a_mixture_is_said(folder: Path, case: str) -> None:
    more, sets, part = WRONG[case]
    with pytest.raises(ConfigError) as wrong:
        mixed_sources(mixture(folder, more, sets))
    assert part in str(wrong.value)
    assert wrong.value.say("vi") != str(wrong.value)


def test_a_column_that_is_not_there_and_an_empty_answer_are_named(folder: Path) -> None:
    (folder / "t.yaml").write_text(TEMPLATES.replace("A: {text}", "A: {txt}"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"a column 'txt', which 'a' does not have \(did you mean 'text'"):
        mixed_sources(mixture(folder))
    (folder / "t.yaml").write_text(TEMPLATES.replace("A: {text}", "A: {hypothesis}"), encoding="utf-8")
    with pytest.raises(ConfigError, match="ask for a second text"):
        mixed_sources(mixture(folder))
    (folder / "t.yaml").write_text(TEMPLATES, encoding="utf-8")
    (folder / "q.yaml").write_text(QUESTIONS.replace('{"": không rõ}', "{}"), encoding="utf-8")
    with pytest.raises(DataError, match=r"q\.jsonl, line \d+, is empty"):
        mixed_sources(mixture(folder))


def test_columns_belong_into_the_sets(folder: Path) -> None:
    data = mixture(folder).model_copy(update={"label_column": "label"})
    with pytest.raises(ConfigError, match=r"take away data\.label_column"):
        mixed_sources(data)


def test_options_of_a_mixture_have_their_defaults(folder: Path) -> None:
    found = read_mixture(mixture(folder).path)
    assert (found.cap, found.judged, found.shots) == (3000, 300, 3)


# --- whole runs


@pytest.mark.parametrize(
    ("task", "architecture", "head"),
    [("seq2seq", "t5", "AutoModelForSeq2SeqLM"), ("sft", "llama", "AutoModelForCausalLM")],
)
def test_a_run_on_a_mixture_scores_each_set_before_and_after(
    folder: Path, task: str, architecture: str, head: str
) -> None:
    model = write_tiny(folder / "model", architecture, head=head)
    options: dict[str, Any] = {"name": task}
    options |= {"max_target_length": 4} if task == "seq2seq" else {"max_reply_length": 4, "generate": True}
    data = mixture(folder, "judged: 6\ncap: 20\nfew_shot_characters: 120")
    config = RunConfig.model_validate(
        {
            "model": str(model), "data": data, "task": options, "train": {"epochs": 1}, "eval": {"resamples": 100},
            "out": folder / "run", "hardware": {"precision": "fp32"},
        }
    )  # fmt: skip
    result = fewtune.train(config, show="none")
    assert result.plan.rows == {"train": 34, "validation": 8, "test": 16}
    names = {"a", "b (held out)", "q"}
    assert set(result.scores.groups) == names
    assert {"untuned"} <= set(result.scores.group_baselines)
    for of in (result.scores.groups, *result.scores.group_baselines.values()):
        assert {name: next(iter(scores.values())).n for name, scores in of.items()} == {
            "a": 6,
            "b (held out)": 6,
            "q": 4,
        }
    overall = result.scores.baselines["untuned"]["test"]
    parts = result.scores.group_baselines["untuned"]
    metric = "exact_match"
    assert overall[metric].value == pytest.approx(
        sum(parts[name][metric].value * parts[name][metric].n for name in names) / 16
    )
    assert str((folder / "t.yaml").resolve()) in result.plan.data_sha256
    again = fewtune.plan(RunConfig.model_validate(_written(result.folder)))
    assert again.rows == result.plan.rows and again.data_sha256 == result.plan.data_sha256


def _written(run: Path) -> dict[str, Any]:
    from fewtune.config.read import read_yaml

    return read_yaml(run / "run.yaml")
