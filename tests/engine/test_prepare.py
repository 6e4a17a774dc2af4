"""The plan says what will be: its numbers against the real model, the real batches and texts counted by hand."""

import hashlib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import BertTokenizer

from engine.runs import LABELS, reviews, write_model, write_reviews
from fewtune.engine.batches import Batches
from fewtune.engine.prepare import Prepared, default_batch_size, default_batch_tokens, prepare
from fewtune.errors import ConfigError, DataError, FewtuneError, MethodError, ModelError
from fewtune.methods.prompt_tuning import PromptTuning
from fewtune.record.plan import Finding
from fewtune.run import _adapted, plan
from fewtune.settings import RunConfig
from models import POSITIONS, WIDTH, tiny_tokenizer, write_tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.csv", reviews(100))


def prepared(model: Path, data: Path, /, **options: Any) -> Prepared:
    return prepare(RunConfig.model_validate({"model": str(model), "data": str(data)} | options))


def findings(of: Prepared, id: str) -> list[dict[str, Any]]:
    return [finding.values for finding in of.plan.findings if finding.id == id]


@pytest.mark.parametrize("method", ["lora", "head", "full", {"name": "lora", "rank": 3, "targets": ["up", "down"]}])
@pytest.mark.parametrize("architecture", ["bert", "gpt2", "t5"])
def test_what_learns_in_the_plan_is_what_learns_in_the_real_model(
    architecture: str, method: Any, data: Path, tmp_path: Path
) -> None:
    made = prepared(write_tiny(tmp_path / architecture, architecture), data, method=method)
    adapted = _adapted(made)
    real = {name: parameter.numel() for name, parameter in adapted.trainable().items()}
    assert made.plan.trainable == sum(real.values()) == sum(layer.parameters for layer in made.plan.layers)
    assert made.plan.parameters == sum(parameter.numel() for parameter in adapted.model.parameters())
    assert made.plan.architecture == type(adapted.model).__name__
    assert made.plan.width == WIDTH
    for layer in made.plan.layers:
        assert sum(count for name, count in real.items() if name.startswith(layer.path)) == layer.parameters


def test_lora_counts_r_times_the_two_widths(model: Path, data: Path) -> None:
    made = prepared(model, data, method={"name": "lora", "rank": 3, "targets": ["query"]})
    wrapped = [layer for layer in made.plan.layers if layer.what == "LowRankLinear"]
    assert [layer.parameters for layer in wrapped] == [3 * (WIDTH + WIDTH)] * 2
    assert made.plan.trainable == 2 * 3 * 2 * WIDTH + (WIDTH * WIDTH + WIDTH) + (
        WIDTH * 2 + 2
    )  # factors, pooler, classifier


def test_no_weight_is_loaded_and_nothing_is_written(model: Path, data: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in model.iterdir():
        # A plan of a damaged checkpoint is the proof that it was not read.
        (bare / file.name).write_bytes(b"" if file.suffix == ".safetensors" else file.read_bytes())
    before = {path: path.read_bytes() for path in bare.iterdir()}
    assert plan(RunConfig.model_validate({"model": str(bare), "data": str(data)})).trainable > 0
    assert {path: path.read_bytes() for path in bare.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["bare"]


@pytest.mark.parametrize(("epochs", "batch_size", "accumulation"), [(1, 1, 1), (3, 7, 1), (2, 8, 3), (5, 100, 2)])
def test_steps_are_the_windows_of_the_batches(
    epochs: int, batch_size: int, accumulation: int, model: Path, data: Path
) -> None:
    train = {"epochs": epochs, "batch_size": batch_size, "accumulation": accumulation}
    made = prepared(model, data, train=train)
    batches = Batches(made.examples["train"].features, batch_size, accumulation, seed=0)
    assert made.plan.steps == sum(1 for _ in range(epochs) for _ in batches.rest_of_epoch())
    assert (made.plan.epochs, made.plan.batch_size, made.plan.accumulation) == (epochs, batch_size, accumulation)
    assert made.plan.found == (
        "train.learning_rate",
        "train.max_batch_tokens",
        "train.checkpointing",
        "task.name",
        "task.max_length",
        "task.labels",
    )


def test_what_is_left_open_is_found_and_what_is_given_is_kept(model: Path, data: Path) -> None:
    made = prepared(model, data)
    assert made.plan.found == (
        "train.epochs",
        "train.batch_size",
        "train.learning_rate",
        "train.max_batch_tokens",
        "train.checkpointing",
        "task.name",
        "task.max_length",
        "task.labels",
    )
    method = made.config.method
    assert made.config.train.epochs == made.plan.epochs == method.default_epochs(70, 2)
    assert made.config.train.batch_size == made.plan.batch_size == default_batch_size(70)
    assert made.config.train.learning_rate == made.plan.learning_rate == method.default_learning_rate(WIDTH)
    assert made.config.train.max_batch_tokens == made.plan.max_batch_tokens == 2048
    given = prepared(model, data, train={"learning_rate": 0.125, "max_batch_tokens": 99})
    assert (given.plan.learning_rate, given.plan.max_batch_tokens) == (0.125, 99)
    assert given.plan.found == (
        "train.epochs",
        "train.batch_size",
        "train.checkpointing",
        "task.name",
        "task.max_length",
        "task.labels",
    )
    assert prepared(model, data, task="classification").plan.found[5:] == ("task.max_length", "task.labels")
    assert made.config.model.name == str(model.resolve())


def test_on_a_graphics_card_batches_stay_whole() -> None:
    assert [default_batch_tokens(device) for device in ("cpu", "cuda", "mps")] == [2048, None, None]


def test_a_prepared_config_prepares_to_the_same_plan(model: Path, data: Path) -> None:
    """What a resume stands on: nothing is left to be found."""
    first = prepared(model, data)
    second = prepare(first.config)
    assert second.plan.found == ()
    assert second.plan.task_reason is None
    reasons = {"found": first.plan.found, "task_reason": first.plan.task_reason}
    assert second.plan.model_copy(update=reasons) == first.plan
    assert second.config == first.config
    assert [e.features for e in second.examples.values()] == [e.features for e in first.examples.values()]


def test_relative_paths_are_written_down_absolute(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    (model.parent / "here.csv").write_bytes(data.read_bytes())
    made = prepared(Path(model.name), Path("here.csv"))
    assert made.config.model.name == made.plan.model == str(model.resolve())
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    assert made.plan.data_sha256 == {str((model.parent / "here.csv").resolve()): digest}


def test_rows_are_shared_out_once_by_seed(model: Path, data: Path) -> None:
    made, again, other = (prepared(model, data, seed=seed) for seed in (0, 0, 1))
    assert made.plan.rows == {"train": 70, "validation": 10, "test": 20}
    numbers = {name: [row.number for row in examples.rows] for name, examples in made.examples.items()}
    assert sorted(chain.from_iterable(numbers.values())) == list(range(100))
    assert numbers == {name: [row.number for row in examples.rows] for name, examples in again.examples.items()}
    assert numbers["test"] != [row.number for row in other.examples["test"].rows]
    for examples in made.examples.values():
        assert [LABELS[piece["label"]] for piece in examples.features] == [row.label for row in examples.rows]


@pytest.mark.parametrize(
    ("given", "left"), [(("validation",), 80), (("test",), 90), (("validation", "test"), 100)], ids=str
)
def test_files_that_are_given_are_used_whole(
    given: tuple[str, ...], left: int, model: Path, data: Path, tmp_path: Path
) -> None:
    """Where no file is given, a tenth is kept for validation and a fifth for the test."""
    files = {name: write_reviews(tmp_path / f"{name}.csv", reviews(12, seed=5)) for name in given}
    made = prepared(model, data, data={"path": str(data), **files})
    for name in given:
        assert [(row.text, row.label) for row in made.examples[name].rows] == reviews(12, seed=5)
    assert made.plan.rows["train"] == left
    assert set(made.plan.data_sha256) == {str(path.resolve()) for path in (data, *files.values())}


def test_columns_are_told_with_the_reason(model: Path, tmp_path: Path) -> None:
    rows = [(str(number), text, label) for number, (text, label) in enumerate(reviews(40))]
    file = write_reviews(tmp_path / "d.csv", rows, ("id", "body", "mood"))
    columns = prepared(model, file).plan.columns
    assert {role: column.name for role, column in columns.items()} == {"text": "body", "label": "mood"}
    assert columns["text"].reason == "named 'body'"
    assert columns["label"].reason == "few different values (2 in 40 rows)"


def test_pairs_are_read_and_encoded_together(model: Path, tmp_path: Path) -> None:
    rows = [(text, f"{number} it was", label) for number, (text, label) in enumerate(reviews(40))]
    made = prepared(model, write_reviews(tmp_path / "d.csv", rows, ("premise", "hypothesis", "label")))
    assert {role: column.name for role, column in made.plan.columns.items()} == {
        "text": "premise",
        "pair": "hypothesis",
        "label": "label",
    }
    piece = made.examples["train"].features[0]
    row = made.examples["train"].rows[0]
    assert piece["input_ids"] == tiny_tokenizer()(row.text, row.pair)["input_ids"]
    assert set(piece["token_type_ids"]) == {0, 1}


def long_reviews(count: int, repeat: int) -> list[tuple[str, str]]:
    return [
        (" ".join([text] * repeat) if number % 4 == 0 else text, label)
        for number, (text, label) in enumerate(reviews(count))
    ]


def test_texts_are_cut_at_the_models_positions_and_what_is_lost_is_counted(model: Path, tmp_path: Path) -> None:
    file = write_reviews(tmp_path / "d.csv", long_reviews(60, 12))
    made = prepared(model, file)
    assert made.plan.max_length == POSITIONS
    counted = {values["split"]: values for values in findings(made, "truncated")}
    for name, examples in made.examples.items():
        full = [len(tiny_tokenizer()(row.text, verbose=False)["input_ids"]) for row in examples.rows]
        assert [len(piece["input_ids"]) for piece in examples.features] == [min(length, POSITIONS) for length in full]
        lost = [length - POSITIONS for length in full if length > POSITIONS]
        values = counted[name]
        assert (values["rows"], values["of_rows"]) == (len(lost), len(full))
        assert (values["tokens_lost"], values["longest"]) == (sum(lost), max(full))
    lengths = sorted(len(piece["input_ids"]) for piece in made.examples["train"].features)
    assert made.plan.tokens["longest"] == lengths[-1] == POSITIONS
    assert lengths[20] <= made.plan.tokens["median"] <= lengths[21]
    assert sum(length <= made.plan.tokens["p95"] for length in lengths) >= 0.95 * len(lengths)


def test_the_models_positions_hold_where_the_tokenizer_knows_no_limit(tmp_path: Path) -> None:
    file = write_reviews(tmp_path / "d.csv", long_reviews(60, 12))
    made = prepared(with_tokenizer(tmp_path / "endless"), file)
    assert made.tokenizer.model_max_length > 1e20
    assert made.plan.max_length == made.plan.tokens["longest"] == POSITIONS


def test_a_limit_that_is_asked_for_holds_and_the_models_own_is_never_passed(model: Path, data: Path) -> None:
    short = prepared(model, data, task={"name": "classification", "max_length": 9})
    assert short.plan.max_length == short.plan.tokens["longest"] == 9
    assert prepared(model, data, task={"name": "classification", "max_length": 5000}).plan.max_length == POSITIONS
    assert not findings(prepared(model, data), "truncated")


def test_a_prompt_takes_its_positions_from_the_texts(model: Path, data: Path, tmp_path: Path) -> None:
    made = prepared(model, data, method={"name": "prompt_tuning", "tokens": 10})
    assert made.plan.max_length == POSITIONS - 10
    assert prepared(model, data, method="lora").plan.max_length == POSITIONS
    relative = prepared(write_tiny(tmp_path / "t5", "t5"), data, method={"name": "prompt_tuning", "tokens": 10})
    assert relative.plan.max_length == prepared(tmp_path / "t5", data, method="lora").plan.max_length
    (prompt,) = (layer for layer in made.plan.layers if layer.what == "SoftPrompt")
    assert prompt.parameters == 10 * WIDTH


def test_a_prompt_s_text_is_read_before_the_model(model: Path, data: Path) -> None:
    text = "Câu này khen hay chê?"
    made = prepared(model, data, method={"name": "prompt_tuning", "start": "text", "words": text, "tokens": 40})
    assert isinstance(made.config.method, PromptTuning)
    found = tiny_tokenizer().decode(list(made.config.method.ids))
    assert len(made.config.method.ids) == 40
    assert found.startswith(text)


def test_packed_texts_take_no_prompt(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(
        "\n".join(f"Dòng số {number} của văn bản." for number in range(60)), encoding="utf-8"
    )
    options = {"task": {"name": "language_modeling", "packing": True}, "data": str(tmp_path / "a.txt")}
    folder = write_tiny(tmp_path / "gpt2", "gpt2", head="AutoModelForCausalLM")
    with pytest.raises(MethodError, match=r"task\.packing=false"):
        prepare(RunConfig.model_validate(options | {"model": str(folder), "method": "prompt_tuning"}))
    assert prepare(RunConfig.model_validate(options | {"model": str(folder), "method": "lora"})).plan.trainable


@pytest.mark.parametrize(("asked", "expected"), [(None, 512), (1000, 1000), (64, 64)])
def test_where_positions_are_relative_more_than_512_tokens_must_be_asked_for(
    asked: int | None, expected: int, data: Path, tmp_path: Path
) -> None:
    made = prepared(write_tiny(tmp_path / "t5", "t5"), data, task={"name": "classification", "max_length": asked})
    assert made.plan.max_length == expected


def test_leaked_rows_are_counted_by_split(model: Path, data: Path, tmp_path: Path) -> None:
    known, new = reviews(100)[:3], reviews(9, seed=5)
    shouted = [(f"  {text.upper()} ", label) for text, label in known]
    file = write_reviews(tmp_path / "test.csv", shouted + new)
    made = prepared(model, data, data={"path": str(data), "test": str(file), "validation": str(file)})
    assert findings(made, "leakage") == [{"split": name, "rows": 3, "of_rows": 12} for name in ("validation", "test")]
    assert not findings(prepared(model, data), "leakage")


def test_a_rare_label_is_found(model: Path, tmp_path: Path) -> None:
    rows = [*reviews(60), *((text, "odd") for text, _ in reviews(5, seed=9))]
    found = findings(prepared(model, write_reviews(tmp_path / "d.csv", rows)), "labels_few")
    assert [(values["count"], values["examples"].split()[0]) for values in found] == [(1, "odd")]


VIETNAMESE = {
    "hỏi": ["mẹ hỏi má ở đâu", "ai hỏi con mà", "hỏi mã số của tôi", "hỏi mạ lúa ở đâu", "tôi hỏi ma quỷ"],
    "đáp": ["má đáp lời con", "tôi đáp mà không nghe", "mã số đáp lại", "mạ lúa tôi đáp", "đáp rằng không có ma"],
}


def vietnamese_rows() -> list[tuple[str, str]]:
    """Thirty texts of real words that only their diacritics tell apart: má mother, mà but, mã code, mạ seedling, ma ghost."""
    return [
        (f"{text} {again}", label)
        for label, texts in VIETNAMESE.items()
        for text in texts
        for again in ("nhé", "à", "ạ")
    ]


def with_tokenizer(folder: Path, **options: Any) -> Path:
    """A tiny BERT with BERT's own tokenizer over words and letters, some of them Vietnamese."""
    write_tiny(folder, "bert")
    for file in folder.glob("token*"):
        file.unlink()
    letters = sorted(
        {letter for text, _ in vietnamese_rows() for letter in text.replace(" ", "")} | set("abcdefghiklmnopqrstuvxy")
    )
    pieces = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    BertTokenizer(vocab=vocabulary, do_lower_case=True, **options).save_pretrained(folder)
    return folder


def test_a_tokenizer_that_strips_accents_is_found_to_merge_vietnamese_words(tmp_path: Path) -> None:
    """As bert-base-uncased and MiniLM do: do_lower_case strips accents unless told otherwise."""
    file = write_reviews(tmp_path / "d.csv", vietnamese_rows())
    made = prepared(with_tokenizer(tmp_path / "strips"), file)
    [values] = findings(made, "tokenizer_merges")
    groups = {frozenset(group.split(" = ")) for group in values["examples"].split("; ")}
    assert len({"má", "mà", "mã", "mạ", "ma"} & set().union(*groups)) >= 4
    assert values["words"] >= 5
    assert values["rows"] <= values["of_rows"] == made.plan.rows["train"]
    [finding] = [finding for finding in made.plan.findings if finding.id == "tokenizer_merges"]
    assert isinstance(finding, Finding)
    assert "má" in finding.say("en") or "mà" in finding.say("en")
    assert finding.level == "warning"


def test_a_tokenizer_that_keeps_diacritics_is_not_accused(tmp_path: Path) -> None:
    file = write_reviews(tmp_path / "d.csv", vietnamese_rows())
    assert not findings(prepared(with_tokenizer(tmp_path / "keeps", strip_accents=False), file), "tokenizer_merges")
    assert not findings(prepared(write_tiny(tmp_path / "bytes", "bert"), file), "tokenizer_merges")


def classifier(of: Prepared) -> torch.Tensor:
    return _adapted(of).model.get_parameter("classifier.weight").detach()


def test_a_checkpoint_trained_on_these_labels_keeps_its_head_and_its_order(data: Path, tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "trained", "bert", ("good", "bad"))
    made = prepared(folder, data)
    assert made.plan.labels == ("good", "bad")
    assert made.plan.new_head is False
    assert made.task.model_options()["id2label"] == {0: "good", 1: "bad"}
    rows, features = made.examples["train"].rows, made.examples["train"].features
    assert all(("good", "bad")[piece["label"]] == row.label for piece, row in zip(features, rows, strict=True))
    assert torch.equal(classifier(made), load_file(folder / "model.safetensors")["classifier.weight"])


def test_a_checkpoint_trained_on_other_labels_gets_a_new_head_from_the_seed(data: Path, tmp_path: Path) -> None:
    """It would fit by its shape, but says other things."""
    folder = write_tiny(tmp_path / "trained", "bert", ("toxic", "fine"))
    made = prepared(folder, data)
    assert (made.plan.labels, made.plan.new_head) == (LABELS, True)
    kept = load_file(folder / "model.safetensors")
    head = classifier(made)
    assert (head - kept["classifier.weight"]).abs().max() > 0.05
    assert torch.equal(classifier(prepared(folder, data)), head)
    assert not torch.equal(classifier(prepared(folder, data, seed=1)), head)
    body = _adapted(prepared(folder, data, method="head")).model.get_parameter("bert.embeddings.word_embeddings.weight")
    assert torch.equal(body, kept["bert.embeddings.word_embeddings.weight"].to(body.dtype))  # the format of the run


def test_a_head_for_another_number_of_labels_is_replaced_too(data: Path, tmp_path: Path) -> None:
    made = prepared(write_tiny(tmp_path / "trained", "bert", ("a", "b", "c")), data)
    assert made.plan.new_head
    assert classifier(made).shape == (2, WIDTH)


@pytest.mark.parametrize(
    ("options", "error", "id"),
    [
        ({"model": "./nowhere"}, ModelError, "model_no_folder"),
        ({"hardware": {"device": "mps"}}, ConfigError, "device_absent"),
        ({"method": {"name": "lora", "targets": ["nothing"]}}, MethodError, "targets_unmatched"),
        ({"task": {"name": "classification", "labels": ["bad", "good", "so-so"]}}, DataError, "labels_without_rows"),
        ({"task": {"name": "classification", "labels": ["bad", "fine"]}}, DataError, "labels_unknown"),
    ],
)
def test_what_stands_in_the_way_is_told_before_anything_is_done(
    options: dict[str, Any],
    error: type[FewtuneError],
    id: str,
    model: Path,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(error) as caught:
        prepared(model, data, **options)
    assert caught.value.id == id


def test_labels_of_another_split_must_be_known(model: Path, data: Path, tmp_path: Path) -> None:
    file = write_reviews(tmp_path / "test.csv", [*reviews(6, seed=5), ("what now", "so-so")])
    with pytest.raises(DataError, match=r"test: labels that training does not know, with their rows: .*so-so"):
        prepared(model, data, data={"path": str(data), "test": str(file)})


def test_threads_asked_for_are_set_and_written_down(model: Path, data: Path) -> None:
    before = torch.get_num_threads()
    try:
        assert prepared(model, data, hardware={"threads": 2}).plan.threads == torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert prepared(model, data).plan.threads == before


def test_targets_that_some_blocks_lack_are_said_in_the_plan(model: Path, data: Path) -> None:
    one = "bert.encoder.layer.1.attention.self.query"
    found = prepared(model, data, method={"name": "lora", "targets": [one]}).plan.findings
    assert [each.values for each in found if each.id == "targets_uneven"] == [
        {"what": "query", "model": "BertForSequenceClassification", "having": 1, "blocks": 2}
    ]
    everywhere = prepared(model, data, method={"name": "lora", "targets": ["query"]}).plan.findings
    assert not any(each.id == "targets_uneven" for each in everywhere)
