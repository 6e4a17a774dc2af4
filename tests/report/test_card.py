"""The model card: read back by the Hub's own library, and free of the data's texts."""

import re

import pytest
from huggingface_hub import ModelCard, ModelCardData

from fewtune.messages import LANGUAGES
from fewtune.record.facts import Base
from fewtune.record.plan import Finding
from fewtune.record.result import RunScores
from fewtune.report.card import build_card, card
from report.run_folders import LEAKAGE, classified, run_scores, write_run

HOSTILE = ("a|b", "`tick`", "<script>", "---", "# x", "dòng\nmới", "{{ 7 * 7 }}", "'quoted\": [")


def read(text: str) -> ModelCardData:
    return ModelCard(text).data  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_hub_reads_what_the_record_says(tmp_path, language):
    folder = write_run(tmp_path / "reviews-lora-1", findings=[LEAKAGE])
    build_card(folder, language)
    found = ModelCard.load(folder.card).data
    assert (found.license, found.library_name, found.pipeline_tag) == ("apache-2.0", "peft", "text-classification")
    assert found.base_model == "sentence-transformers/all-MiniLM-L6-v2"
    assert found.base_model_relation == "adapter"  # pyright: ignore[reportAttributeAccessIssue]
    assert {"fewtune", "lora", "classification"} <= set(found.tags or ())
    assert found.language is None and found.datasets is None
    scores = folder.read_scores().test
    results = {result.metric_name: result for result in found.eval_results or ()}
    assert {name: result.metric_value for name, result in results.items()} == {
        name: pytest.approx(scores[name].value) for name in ("accuracy", "macro_f1", "matthews")
    }
    assert {result.metric_type for result in results.values()} == {"accuracy", "f1", "matthews_correlation"}
    assert {result.dataset_name for result in results.values()} == {"messages_en.csv"}
    assert {result.dataset_split for result in results.values()} == {"test"}
    again = ModelCardData(**found.to_dict(), ignore_metadata_errors=True)
    assert again.to_yaml() == found.to_yaml()


def test_for_people_it_says_how_good_and_what_not_to_trust(tmp_path):
    text = " ".join(card(write_run(tmp_path / "run", findings=[LEAKAGE])).split())
    for said in (
        "reaches 75.0% accuracy (60.0% to 85.0%); the strongest baseline",
        "| Accuracy | 75.0% (60.0% to 85.0%) | 55.0% (40.0% to 65.0%) | 35.0% (20.0% to 45.0%) |",
        "| F1 `finance` |",
        "- Test: the texts of 3 of 40 rows stand in the training rows too, so their score is partly a test of memory.",
        "**Not shown to be better than the strongest baseline.** On 40 test rows",
        "that may be chance. Do not rely on it before a test with more rows.",
        "140 training, 20 validation and 40 test rows",
        "Base model, SHA-256 `model.safetensors`: 53aa51172d142c89",
        "PeftModel.from_pretrained(base, folder)",
    ):
        assert said in text, said


def test_no_text_of_the_data_is_in_it(tmp_path):
    words = {"words": 1, "distinct": 2, "groups": 1, "rows": 1, "of_rows": 1, "examples": "Chị Hạnh"}
    finding = Finding(id="tokenizer_merges", level="warning", values=words)
    lines = classified(("a", "b"), 40, 0.5)
    text = card(write_run(tmp_path / "run", labels=("a", "b"), predictions=lines, findings=[finding]))
    assert "Hạnh" not in text
    assert not any(line["text"] in text for line in lines)


@pytest.mark.parametrize(
    ("saved", "library", "relation", "said"),
    [
        ("model/model.safetensors", "transformers", "finetune", "from_pretrained(folder)"),
        ("adapter/fewtune.json", "fewtune", "adapter", "fewtune.load_adapter(base, folder)"),
        ("adapter/adapter_config.json", "peft", "adapter", "PeftModel"),
    ],
)
def test_the_library_is_that_of_the_form_it_was_saved_in(tmp_path, saved, library, relation, said):
    text = card(write_run(tmp_path / "run", saved=saved))
    assert read(text).library_name == library
    assert read(text).base_model_relation == relation  # pyright: ignore[reportAttributeAccessIssue]
    assert said in text


@pytest.mark.parametrize("model", ["/home/hạnh/phobert", "C:\\models\\x", "./x", "a/b/c"])
def test_a_folder_of_somebodys_machine_is_no_base_model(tmp_path, model):
    found = read(card(write_run(tmp_path / "run", model=model)))
    assert found.base_model is None
    assert "base_model_relation" not in found.to_dict()


@pytest.mark.parametrize(
    ("license", "expected"),
    [("mit", "mit"), (None, None), ("Llama 3.2 Community License", None), ("cc-by-nc-4.0",) * 2],
)
def test_a_licence_is_given_where_it_is_known_and_one_of_the_hubs(tmp_path, license, expected):
    found = read(card(write_run(tmp_path / "run", base=Base(license=license, bytes=1))))
    assert found.license == expected


def test_hostile_names_stay_text(tmp_path):
    scores = run_scores(HOSTILE)
    text = card(write_run(tmp_path / "run", labels=HOSTILE, scores=scores, data_sha256={"/x/<b>: [|.csv": "0" * 64}))
    found = read(text)
    assert [result.dataset_name for result in found.eval_results or ()] == ["<b>: [|.csv"] * 3
    table = [line for line in text.split("\n") if line.startswith("| ")]
    assert len(table) == 1 + 3 + len(HOSTILE)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {5}
    assert "F1 `` `tick` ``" in text
    assert "F1 `dòng mới`" in text


@pytest.mark.parametrize("changes", [{"finished": False}, {"scores": RunScores()}, {"base": None, "labels": ()}])
def test_is_whole_whatever_is_missing(tmp_path, changes):
    text = card(write_run(tmp_path / "run", **{"scores": RunScores(), **changes}))
    assert read(text).eval_results is None
    assert not re.search(r"\bNone\b", text)


def test_is_a_function_of_the_folder(tmp_path):
    folder = write_run(tmp_path / "run")
    build_card(folder)
    before = folder.card.read_bytes()
    build_card(folder)
    assert folder.card.read_bytes() == before
    assert not list(tmp_path.rglob("*.tmp"))
