"""The labs run, small and offline, as a reader's Jupyter would run them; what their outputs say is what the runs recorded."""

import json
import os
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from examples import lab_data, labs
from fewtune.data.vietnamese import looks_vietnamese

EXAMPLES = Path(__file__).parents[2] / "examples"
LABS = sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))
REAL = {
    "lab1_sentiment_lora_bert": {"google-bert/bert-base-uncased", "vinai/phobert-base"},
    "lab2_transfer_qa_summarization": {"google-bert/bert-base-uncased", "google-t5/t5-small", "VietAI/vit5-base"},
    "lab3_lora_t5": {"google-t5/t5-small", "google/flan-t5-small", "VietAI/vit5-base"},
    "lab4_efficient_summarization": {"google/flan-t5-small", "VietAI/vit5-base"},
}
"""Lab → models of the Hub that it names."""
RANDOM = {
    "lab1_sentiment_lora_bert": set(),
    "lab2_transfer_qa_summarization": {"writer"},
    "lab3_lora_t5": {"base"},
    "lab4_efficient_summarization": {"base"},
}
"""Lab → variables that hold a random model when there is no network."""
MARK = "MECHANICS ONLY"


def notebook(name: str) -> Any:
    return nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)


def cells(book: Any, kind: str) -> list[Any]:
    return [cell for cell in book.cells if cell.cell_type == kind]


def test_there_are_four() -> None:
    assert sorted(REAL) == LABS


# --- as they are stored


@pytest.mark.parametrize("name", LABS)
def test_what_is_stored_holds_no_output_and_gives_small_diffs(name: str) -> None:
    text = (EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8")
    stored = json.loads(text)
    nbformat.validate(stored)
    assert (stored["nbformat"], stored["nbformat_minor"]) == (4, 5)
    assert text == json.dumps(stored, ensure_ascii=False, indent=1) + "\n"
    assert unicodedata.is_normalized("NFC", text)
    ids = [cell["id"] for cell in stored["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z-]+", each) for each in ids)  # names, which no tool draws anew
    for cell in stored["cells"]:
        assert max(map(len, cell["source"])) <= 121
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


@pytest.mark.parametrize("name", LABS)
def test_every_text_stands_in_both_languages(name: str) -> None:
    for cell in cells(notebook(name), "markdown"):
        quoted = [line for line in cell.source.splitlines() if line.startswith(">")]
        plain = [line for line in cell.source.splitlines() if not line.startswith(">")]
        assert looks_vietnamese([" ".join(quoted)]), cell.id
        assert not looks_vietnamese([" ".join(plain)]), cell.id
        assert len(re.findall(r"^\d+\. ", "\n".join(plain), re.M)) == sum(
            bool(re.match(r"> \d+\. ", line)) for line in quoted
        ), cell.id
        assert "tác vụ" not in cell.source


@pytest.mark.parametrize("name", LABS)
def test_no_text_holds_a_measured_figure(name: str) -> None:
    """What is measured is printed by a cell."""
    told = " ".join(cell.source for cell in cells(notebook(name), "markdown"))
    assert set(re.findall(r"\d+[.,]\d+%?|\d+%", told)) <= {"95%", "0.05", "0,05", "1.000"}


@pytest.mark.parametrize("name", LABS)
def test_real_models_are_named(name: str) -> None:
    code = "\n".join(cell.source for cell in notebook(name).cells)
    assert [model for model in REAL[name] if f'"{model}"' not in code] == []


# --- as they run


@dataclass(frozen=True)
class Kernel:
    """A Python as Jupyter starts it, in a folder with the labs' modules.

    Not nbclient: it takes over the signals of the test run, and does not close the sockets of a kernel that serves several
    notebooks, which is a warning and therefore an error here.
    """

    client: BlockingKernelClient
    folder: Path

    def run(self, source: str) -> list[dict[str, Any]]:
        """The contents of the messages with what it printed. Raises AssertionError with the traceback."""
        heard: list[dict[str, Any]] = []
        reply = self.client.execute_interactive(source, output_hook=heard.append, timeout=600, allow_stdin=False)
        assert reply["content"]["status"] == "ok", "\n".join(reply["content"]["traceback"])
        return [message["content"] for message in heard if message["msg_type"] == "stream"]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One for all labs, since most of a small lab is the import of torch; each begins with an empty namespace."""
    folder = tmp_path_factory.mktemp("labs")
    for file in EXAMPLES.glob("lab*.py"):
        shutil.copy(file, folder)
    own = {"FEWTUNE_LAB": "small", "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    own |= {"IPYTHONDIR": str(folder / "ipython"), "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    manager = KernelManager(kernel_name="python3", connection_file=str(folder / "kernel.json"))
    manager.start_kernel(cwd=str(folder), env=os.environ | own)
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)
        yield Kernel(client, folder)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy()


def run(kernel: Kernel, name: str, **settings: str) -> tuple[dict[str, str], Path]:
    """Code cell → what it printed, and the folder of the runs. Fails where a cell does, and for what is shown in red."""
    book, runs = notebook(name), kernel.folder / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    for variable, value in settings.items():
        [cell] = [cell for cell in book.cells if "parameters" in cell.metadata.get("tags", ())]
        cell.source, found = re.subn(rf"^{variable} = .*$", f"{variable} = {value!r}", cell.source, flags=re.M)
        assert found == 1
    kernel.run("%reset -f")
    heard = {cell.id: kernel.run(cell.source) for cell in cells(book, "code")}
    assert [each["text"] for outputs in heard.values() for each in outputs if each["name"] == "stderr"] == []
    return {cell: "".join(each["text"] for each in outputs) for cell, outputs in heard.items()}, runs


def shown(name: str, source: str) -> Counter[bool]:
    """How often a cell shows a model or a score: of a random model (True), of another (False)."""
    calls = re.findall(r"labs\.show_(?:scores|difference|costs)\(.*\b(\w+)\)|^print\((\w+)(?:\.label)?\)", source, re.M)
    bases = [one or other for one, other in calls]
    return Counter(each in RANDOM[name] for each in bases if each in ("base", "reader", "writer"))


def records(runs: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Plan and scores of each run."""
    folders = sorted(path.parent for path in runs.glob("*/scores.json"))
    return [tuple(json.loads((each / f"{kind}.json").read_text()) for kind in ("plan", "scores")) for each in folders]  # pyright: ignore[reportReturnType]


def lines_of(runs: Path, pattern: str) -> list[dict[str, Any]]:
    [path] = runs.glob(pattern)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def check(name: str, printed: dict[str, str], runs: Path) -> None:
    """Marked where the base is random and only there; the scores shown are those of the test rows."""
    for cell in cells(notebook(name), "code"):
        assert printed[cell.id].count(MARK) == shown(name, cell.source)[True], cell.id
    told = "\n".join(printed.values())
    for plan, scores in records(runs):
        score = scores["test"][scores["comparison"]["metric"]]
        assert f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})" in told
        assert f"{plan['trainable']:,}" in told


def test_lab_1_on_minilm(kernel: Kernel) -> None:
    name = "lab1_sentiment_lora_bert"
    printed, runs = run(kernel, name)
    check(name, printed, runs)
    assert "minilm in place of google-bert/bert-base-uncased" in printed["base"]
    assert "OfflineModeIsEnabled" in printed["base"]
    assert MARK not in "".join(printed.values())
    [(plan, scores)] = records(runs)
    assert sum(plan["rows"].values()) == 60
    # 8 (384 + 384), and it stands six times in the plan
    assert re.search(r"6 ×\s+6,144 .*self\.query", printed["plan"])
    wrong = [line for line in lines_of(runs, "*/predictions.jsonl") if line["label"] != line["prediction"]]
    assert f"{len(wrong)} of {plan['rows']['test']} test rows" in printed["errors"]
    assert float(re.findall(r"differ by (\S+)", printed["inside"])[0]) < 1e-4
    assert len(printed["predict"].splitlines()) == 3
    assert f"{scores['comparison']['p_value']:.2g}" in printed["scores"]


def test_lab_2_on_minilm_and_a_random_t5(kernel: Kernel) -> None:
    name = "lab2_transfer_qa_summarization"
    printed, runs = run(kernel, name)
    check(name, printed, runs)
    assert {(plan["task"], plan["method"]) for plan, _ in records(runs)} == {
        (task, method) for task in ("question_answering", "seq2seq") for method in ("head", "lora")
    }
    # Two numbers of each token: a matrix 384 × 2 and two biases.
    assert printed["qa-head-plan"].startswith("770 / ")
    assert "MECHANICS" not in "".join(text for cell, text in printed.items() if cell.startswith("qa-"))
    lora, head = (lines_of(runs, f"questions*-{method}-1/predictions.jsonl") for method in ("lora", "head"))
    by = [one["worth"] - other["worth"] for one, other in zip(lora, head, strict=True)]
    assert any(by)
    assert f"f1: lora − head = {sum(by) / len(by):+.3f} (" in printed["qa-difference"]


def test_lab_3_on_a_random_t5(kernel: Kernel) -> None:
    name = "lab3_lora_t5"
    printed, runs = run(kernel, name)
    check(name, printed, runs)
    assert float(re.findall(r"differ by (\S+)", printed["merge"])[0]) < 1e-4
    [(plan, _)] = records(runs)
    parts = [int(number.replace(",", "")) for number in re.findall(r"^(?:en|de|cr)\w+ +(\S+)$", printed["plan"], re.M)]
    feed_forward = sum(each["parameters"] for each in plan["layers"] if re.search(r"decoder.*Dense", each["path"]))
    assert len(parts) == 3
    assert sum(parts) + feed_forward == plan["trainable"]


def test_lab_3_in_vietnamese_on_a_file_of_ones_own(kernel: Kernel) -> None:
    name = "lab3_lora_t5"
    path = kernel.folder / "của tôi.jsonl"
    rows = [{"nguồn": row["source"], "đích": row["target"]} for row in lab_data.notes("vi", 25, seed=3)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    printed, runs = run(kernel, name, LANGUAGE="vi", DATA=str(path))
    check(name, printed, runs)
    assert "VietAI/vit5-base" in printed["base"]
    assert "tập kiểm tra" in printed["train"]
    assert not (runs / "data").exists()
    assert sum(records(runs)[0][0]["rows"].values()) == 25


def test_lab_4_counts_each_run_in_a_process_of_its_own(kernel: Kernel) -> None:
    name = "lab4_efficient_summarization"
    printed, runs = run(kernel, name)
    check(name, printed, runs)
    held = {}
    for method, weights in (("full", "model/model"), ("lora", "adapter/adapter_model")):
        [folder] = (path.parent for path in runs.glob(f"*-{method}-1/plan.json"))
        plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
        events = lines_of(folder, "events.jsonl")
        [line] = [line for line in printed["table"].splitlines() if line.startswith(method)]
        *_, learns, seconds, before, peak, gpu, saved = line.split()
        assert learns == f"{plan['trainable']:,}"
        assert int(peak) == round(max(event.get("memory", 0) for event in events) / 1e6)
        held[method] = int(before), int(peak)
        assert gpu == "–" or plan["device"] == "cuda"
        assert float(saved) == round((folder / f"{weights}.safetensors").stat().st_size / 1e6, 2)
        start, end = (
            next(event["seconds"] for event in events if event.get("phase") == phase) for phase in ("training", "test")
        )
        assert float(seconds) == pytest.approx(end - start, abs=0.06)
        assert plan["epochs"] == 1
    # In one process the second run would begin at the peak of the first.
    assert 0 < held["full"][0] < held["full"][1]
    assert 0 < held["lora"][0] < min(held["lora"][1], held["full"][1])
    (full, _), (lora, _) = sorted(records(runs), key=lambda each: each[0]["method"])
    assert full["rows"] == lora["rows"]
    assert full["trainable"] == full["parameters"]


# --- which model


def refuse(*_: Any, **__: Any) -> None:
    raise TimeoutError("too slow")


def test_a_model_on_this_machine_is_taken_as_it_is(tmp_path: Path) -> None:
    for found in (labs.encoder(str(tmp_path)), labs.writer(str(tmp_path), [])):
        assert (found.name, found.random, found.label, str(found)) == (str(tmp_path), False, "", str(tmp_path))


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin", None])
def test_a_model_in_the_cache_needs_its_weights(
    weights: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").touch()
    if weights:
        (tmp_path / weights).touch()
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", refuse)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, local_files_only: str(tmp_path))

    name = "google-bert/bert-base-uncased"
    assert labs.encoder(name).name == (name if weights else "minilm")


def test_a_model_of_a_hub_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda self, name, timeout: asked.append((name, timeout)))
    assert labs.encoder("no-one/has-this").name == "no-one/has-this"
    assert asked == [("no-one/has-this", labs.SECONDS)]


def test_a_hub_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", refuse)
    found = labs.encoder("no-one/has-this")
    assert (found.name, found.random, found.label) == ("minilm", False, "")
    assert "TimeoutError: too slow" in str(found)


def test_the_random_model_reads_and_writes_vietnamese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoTokenizer

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(labs, "out_of_reach", lambda name: "no network")
    found = labs.writer("VietAI/vit5-base", ["Mưa ở Huế."])
    assert found.random and "CHỈ LÀ CƠ CHẾ" in found.label and "VietAI/vit5-base" in found.label
    tokenizer = AutoTokenizer.from_pretrained(found.name)
    ids = tokenizer("Đường Nguyễn Huệ, ngày mưa.")["input_ids"]
    assert ids[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(ids, skip_special_tokens=True) == "Đường Nguyễn Huệ, ngày mưa."


def test_runs_on_other_rows_are_not_subtracted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"a": [(0, "x"), (1, "y")], "b": [(0, "x"), (2, "z")]}
    monkeypatch.setattr(labs, "_worths", lambda folder: ("f1", rows[str(folder)], None))
    with pytest.raises(ValueError, match="same rows"):
        labs.show_difference("a", "a", "b", "b", labs.Base("a", "a"))


# --- the texts


@pytest.mark.parametrize("language", ["en", "vi"])
def test_texts_are_the_same_each_time_and_each_other_than_the_next(language: lab_data.Language) -> None:
    for make in (lab_data.questions, lab_data.reports, lab_data.notes):
        rows = make(language, 200)
        assert rows == make(language, 200)
        assert rows != make(language, 200, seed=1)
        assert len({tuple(row.values()) for row in rows}) == len(rows)
        assert all(unicodedata.is_normalized("NFC", cell) for row in rows for cell in row.values())
        assert looks_vietnamese(" ".join(row.values()) for row in rows) == (language == "vi")


@pytest.mark.parametrize("language", ["en", "vi"])
def test_each_answer_stands_in_its_text_once_and_anywhere(language: lab_data.Language) -> None:
    rows = lab_data.questions(language, 100)
    assert len(rows) == 400
    assert len({row["context"] for row in rows}) == 100
    assert all(row["answer"] in row["context"] for row in rows)
    places = [row["context"].index(row["answer"]) / len(row["context"]) for row in rows]
    assert min(places) < 0.1 and max(places) > 0.8
    assert len(re.findall(r"[.!?](?= |$)", rows[0]["context"])) == 6


@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_summary_says_what_its_report_says(language: lab_data.Language) -> None:
    for row in lab_data.reports(language, 100):
        known = set(re.findall(r"\w+", row["text"].lower()))
        new = set(re.findall(r"\w+", row["summary"].lower())) - known
        assert new <= {"because", "of", "waited", "do"}, row
        assert len(row["summary"]) < len(row["text"]) / 2


def test_what_is_saved_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"text": 'Nói "thôi",\nrồi đi.', "label": "buồn"}]
    path = lab_data.save(rows, "thử")
    assert path == Path("runs/data/thử.csv")
    assert lab_data.load(path) == rows
