"""A model that is only asked: likelihoods against a second derivation, labels, shots, cuts, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from fewtune.data.columns import Given
from fewtune.data.instructions import Template, Templates
from fewtune.data.read import Table
from fewtune.engine.ask import Asker, Asking, ask, plain
from fewtune.errors import ConfigError, ModelError
from fewtune.settings import EvalConfig, HardwareConfig, ModelConfig
from models import write_tiny

HEADS = {
    "t5": "AutoModelForSeq2SeqLM",
    "bart": "AutoModelForSeq2SeqLM",
    "llama": "AutoModelForCausalLM",
    "gpt2": "AutoModelForCausalLM",
}
EN = Templates(
    language="en",
    task="classification",
    words={"pos": "good", "neg": "bad"},
    templates=(Template(input="{text}?", target="{label}"), Template(input="Is {text} good?", target="It is {label}.")),
)
QA = Templates(
    language="vi",
    task="question_answering",
    words={"": "không rõ"},
    templates=(Template(input="{pair} {text}", target="{label}"),),
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    made = {name: write_tiny(folder / name, name, head=head) for name, head in HEADS.items()}
    return made | {"bert": write_tiny(folder / "bert", "bert")}


def table(rows: list[dict[str, Any]], name: str = "mới.csv") -> Table:
    return Table(Path(name), tuple(rows[0]), rows, list(range(2, len(rows) + 2)), name)


ROWS = [
    {"text": text, "label": label}
    for text, label in [("Phở", "pos"), ("Bún cháy", "neg"), ("Cơm", "pos"), ("Xôi", "neg")]
]
EXAMPLES = [{"text": f"Món {n}", "label": ("pos", "neg")[n % 2]} for n in range(6)]


def asking(model: Path, templates: Templates = EN, **options: Any) -> Asking:
    hardware = HardwareConfig(device="cpu", precision="fp32")
    return Asking(
        ModelConfig(name=str(model)),
        templates,
        Path("t.yaml"),
        hardware=hardware,
        eval=EvalConfig(resamples=100),
        **options,
    )


def improbable(folder: Path, architecture: str, question: str, target: str) -> float:
    """−log p(target and its end | question), by transformers alone."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if HEADS[architecture].endswith("Seq2SeqLM"):
        model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
        batch = tokenizer(question, return_tensors="pt")
        labels = tokenizer(text_target=target, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            loss = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss
        return float(loss) * labels.shape[1]
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    asked = tokenizer(f"{question}\n", add_special_tokens=False)["input_ids"]
    reply = [*tokenizer(target, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    with torch.no_grad():
        logits = model(torch.tensor([asked + reply])).logits[0].log_softmax(-1)
    return -sum(float(logits[len(asked) - 1 + at, token]) for at, token in enumerate(reply))


@pytest.mark.parametrize("architecture", HEADS)
def test_the_likeliest_label_is_chosen_and_its_share_said(models: dict[str, Path], architecture: str) -> None:
    folder = models[architecture]
    [answered] = ask(asking(folder), table(ROWS), Given()).wordings
    for row, said in zip(ROWS, answered.predictions, strict=True):
        question = f"{row['text']}?"
        nats = np.array([improbable(folder, architecture, question, word) for word in ("bad", "good")])
        shares = np.exp(-nats) / np.exp(-nats).sum()
        assert said.probabilities == pytest.approx({"neg": shares[0], "pos": shares[1]}, abs=1e-4)
        assert said.label == ("neg", "pos")[int(nats.argmin())]
    right = np.mean([said.label == row["label"] for row, said in zip(ROWS, answered.predictions, strict=True)])
    assert answered.scores["accuracy"].value == right


def test_the_prompt_of_a_decoder_is_what_training_writes(models: dict[str, Path]) -> None:
    """The second derivation above leans on it: the plain template is the question and a new line."""
    asker = Asker.load(asking(models["llama"]))
    piece = asker.task.encode([_row("Phở?")], asker.tokenizer)[0]
    assert asker.tokenizer.decode(piece["input_ids"]) == "Phở?\n"


def _row(text: str) -> Any:
    from fewtune.data.rows import Row

    return Row(text, None, None, 0)


def test_shots_stand_before_every_question_and_never_those_that_are_asked(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    original = Asker.improbability
    monkeypatch.setattr(
        Asker,
        "improbability",
        lambda self, questions, targets: (seen.extend(questions), original(self, questions, targets))[1],
    )
    found = ask(asking(models["t5"], shots=2), table(ROWS), Given(), table([*EXAMPLES, *ROWS[:2]], "cũ.csv"))
    assert len(seen) == 2 * len(ROWS)
    for row, question in zip(ROWS, seen[::2], strict=True):
        first, second, asked = question.split("\n\n")
        assert asked == f"{row['text']}?"
        for shot in (first, second):
            text, answer = shot.split("?\n")
            number = int(text.removeprefix("Món "))
            assert answer == ("good", "bad")[number % 2]
    assert {question.rpartition("\n\n")[0] for question in seen} == {seen[0].rpartition("\n\n")[0]}, (
        "the same for all rows"
    )
    assert [note.id for note in found.findings] == ["leakage"]
    assert set(found.baselines) == {"majority", "tfidf_logistic_regression"}


def test_every_wording_is_scored(models: dict[str, Path]) -> None:
    found = ask(asking(models["t5"], wordings=5), table(ROWS), Given())
    assert [answered.template for answered in found.wordings] == list(EN.templates)
    one, two = (answered.predictions for answered in found.wordings)
    assert [each.probabilities for each in one] != [each.probabilities for each in two]


def test_written_labels_count_where_they_are_the_word(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Asker, "write", lambda self, questions: [" Good.", "BAD", "gut", "good"])
    [answered] = ask(asking(models["t5"], written=True), table(ROWS), Given()).wordings
    assert [said.label for said in answered.predictions] == ["pos", "neg", "", "pos"]
    assert answered.scores["accuracy"].value == 0.5
    assert answered.scores["no_label"].value == 0.25
    monkeypatch.setattr(
        Asker, "write", lambda self, questions: ["It is good.", "It is bad. It is good", "it was", "It is bad."]
    )
    second = Templates.model_validate(EN.model_dump() | {"templates": [EN.templates[1].model_dump()]})
    [answered] = ask(asking(models["t5"], second, written=True), table(ROWS), Given()).wordings
    assert [said.label for said in answered.predictions] == ["pos", "pos", "", "neg"]


@pytest.mark.parametrize(("one", "two"), [(" Tích cực. ", "tích cực"), ("“Có”", "có"), ("tích  cực\n", "TÍCH CỰC")])
def test_short_answers_are_equal_but_for_case_and_marks(one: str, two: str) -> None:
    assert plain(one) == plain(two)
    assert plain("có") != plain("co"), "a diacritic is no mark"


def test_questions_are_scored_by_their_own_rule_and_no_answer_has_a_word(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"question": "Ai?", "context": "An ở Huế.", "answers": {"text": ["An"], "answer_start": [0]}},
        {"question": "Bao giờ?", "context": "An ở Huế.", "answers": {"text": [], "answer_start": []}},
    ]
    monkeypatch.setattr(Asker, "write", lambda self, questions: ["An ở đó", "Không rõ."])
    [answered] = ask(asking(models["t5"], QA), table(rows), Given()).wordings
    assert [said.label for said in answered.predictions] == ["An ở đó", ""]
    assert answered.scores["exact_match"].value == 0.5
    assert answered.scores["f1"].value == pytest.approx((0.5 + 1) / 2)


@pytest.mark.parametrize("architecture", ["t5", "gpt2"])
def test_a_real_model_writes(models: dict[str, Path], architecture: str) -> None:
    [answered] = ask(asking(models[architecture], written=True), table(ROWS), Given()).wordings
    assert len(answered.written) == len(ROWS)


def test_cut_questions_are_counted(models: dict[str, Path]) -> None:
    long = [{"text": "Phở bò " * 400, "label": "pos"}, {"text": "Bún", "label": "neg"}]
    found = ask(asking(models["gpt2"]), table(long), Given())
    [note] = [note for note in found.findings if note.id == "ask_cut"]
    assert (note.values["rows"], note.values["of_rows"]) == (1, 2)


def test_what_cannot_be_asked_is_refused(models: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="--examples"):
        ask(asking(models["t5"], shots=2), table(ROWS), Given())
    with pytest.raises(ConfigError, match="only 0 are not among"):
        ask(asking(models["t5"], shots=2), table(ROWS), Given(), table(ROWS))
    with pytest.raises(ModelError, match="does not write texts"):
        ask(asking(models["bert"]), table(ROWS), Given())
    same = EN.model_copy(update={"words": {"pos": "ok", "neg": "ok"}})
    with pytest.raises(ConfigError, match="called the same"):
        ask(asking(models["t5"], same), table(ROWS), Given())
    other = EN.model_copy(update={"templates": (Template(input="{txt}", target="{label}"),)})
    with pytest.raises(ConfigError, match="did you mean 'text'"):
        ask(asking(models["t5"], other), table(ROWS), Given())
