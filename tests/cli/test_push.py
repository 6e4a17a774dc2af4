"""`fewtune push`: what goes to the Hub, what never does, and clear words for everything that stands in the way."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fewtune.cli.push as command
from cli.terminal import Command, listing
from fewtune.record.folder import RunFolder
from hub_server import READ_ONLY, TOKEN, FakeHub, fake_hub

# huggingface_hub hands a file to its HTTP library in a way that the library no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CARD = "---\nlicense: apache-2.0\nlanguage: [vi]\n---\n\n# Phân loại đánh giá\n"
NEVER = {"predictions.jsonl", "report.html", "run.yaml", "plan.json", "environment.json", "events.jsonl", "card.md"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """A Hub on loopback, and this process logged in there."""
    with fake_hub() as server:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(command.sys, "stdin", _NoTerminal())
        yield server


class _NoTerminal:
    def isatty(self) -> bool:
        return False


@pytest.fixture
def run(here: Path, trained: Path) -> Path:
    """A finished run with its card, that may be changed."""
    folder = here / "r"
    shutil.copytree(trained, folder)
    (folder / "card.md").write_text(CARD, encoding="utf-8")
    return folder


def uploaded(run: Path) -> dict[str, bytes]:
    """What should be on the Hub."""
    tuned = {path.name: path.read_bytes() for path in (run / "adapter").iterdir()}
    return {**tuned, "README.md": CARD.encode(), "scores.json": (run / "scores.json").read_bytes()}


# --- the upload


def test_adapter_card_and_scores_go_into_a_private_repository(fewtune: Command, hub: FakeHub, run: Path):
    before = listing(run)
    done = fewtune("push", run, "linh/reviews", "--yes")
    assert (done.code, done.out) == (0, f"Uploaded to {hub.url}/linh/reviews\n")
    assert hub.private == {"linh/reviews": True}
    assert hub.files["linh/reviews"] == uploaded(run)
    assert "adapter_model.safetensors" in hub.files["linh/reviews"]
    assert sum("/commit/" in call for call in hub.calls) == 1  # all at once
    assert listing(run) == before


def test_it_says_exactly_what_goes_and_where(fewtune: Command, hub: FakeHub, run: Path):
    done = fewtune("push", run, "reviews", "--yes")
    lines = done.err.splitlines()
    assert lines[0] == f"To {hub.url}/linh/reviews (new, private):"
    named = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(named) == sorted(hub.files["linh/reviews"])
    assert f"{len(named)} files, " in done.err
    assert not NEVER & set(hub.files["linh/reviews"])


def test_the_report_goes_only_if_asked_for_and_predictions_never(fewtune: Command, hub: FakeHub, run: Path):
    done = fewtune("push", run, "a", "--yes", "--with-report")
    assert "! report.html quotes texts of the test rows" in done.err
    assert set(hub.files["linh/a"]) & NEVER == {"report.html"}


def test_no_training_text_leaves(fewtune: Command, hub: FakeHub, run: Path):
    texts = [json.loads(line)["text"] for line in (run / "predictions.jsonl").read_text("utf-8").splitlines()]
    fewtune("push", run, "a", "--yes")
    sent = b"".join(hub.files["linh/a"].values())
    assert texts and not any(text.encode() in sent for text in texts)


def test_an_adapter_on_a_local_folder_is_pointed_out(fewtune: Command, hub: FakeHub, run: Path, model: Path):
    assert f"! the adapter was trained on a folder of this machine, {model}" in fewtune("push", run, "a", "--yes").err


def test_a_second_upload_replaces_and_keeps_the_repository(fewtune: Command, hub: FakeHub, run: Path):
    assert fewtune("push", run, "a", "--yes").code == 0
    (run / "card.md").write_text(CARD + "mới\n", encoding="utf-8")
    done = fewtune("push", run, "linh/a", "--yes", "--language", "vi")
    assert (done.code, done.out) == (0, f"Đã tải lên {hub.url}/linh/a\n")
    assert "kho đã có" in done.err
    assert hub.files["linh/a"]["README.md"].endswith("mới\n".encode())
    assert sum(call == "POST /api/repos/create" for call in hub.calls) == 1


def test_public_only_if_asked_for(fewtune: Command, hub: FakeHub, run: Path):
    assert fewtune("push", run, "a", "--yes", "--public").code == 0
    assert hub.private == {"linh/a": False}
    done = fewtune("push", run, "a", "--yes")
    assert (done.code, done.out) == (2, "")
    assert "linh/a: everybody can see this repository, and a private upload was asked for" in done.err


# --- asking


@pytest.mark.parametrize("answer", [True, False])
def test_it_asks_first(fewtune: Command, hub: FakeHub, run: Path, monkeypatch: pytest.MonkeyPatch, answer: bool):
    asked: list[str] = []
    monkeypatch.setattr(command.sys.stdin, "isatty", lambda: True)

    def confirm(text: str, **options: Any) -> bool:
        asked.append(text)
        assert not any("POST /api/repos" in call for call in hub.calls)
        return answer

    monkeypatch.setattr(command.click, "confirm", confirm)
    done = fewtune("push", run, "a")
    assert (done.code, asked) == (0, ["Upload?"])
    assert bool(hub.files) == answer
    assert ("Nothing was uploaded." in done.err) != answer


def test_where_nobody_can_be_asked_nothing_goes(fewtune: Command, hub: FakeHub, run: Path):
    done = fewtune("push", "r", "a")
    assert (done.code, hub.files) == (2, {})
    assert done.err.splitlines()[-1].endswith("if all of that is right, add --yes: fewtune push r a --yes")


# --- what stands in the way


def front(licence: str) -> str:
    return CARD.replace("license: apache-2.0\n", licence)


@pytest.mark.parametrize(
    ("licence", "base", "said"),
    [
        ("", "org/any", "card.md: names no licence, so it is not published"),
        ("license: unknown\n", "org/any", "card.md: names no licence"),
        (
            "license: mit\n",
            "vinai/phobert-base-v2",
            "says license: mit, but the base model vinai/phobert-base-v2 is under agpl-3.0",
        ),
        ("license: agpl-3.0\n", "vinai/phobert-base-v2", None),
        ("license: cc-by-4.0\n", "FacebookAI/roberta-base", None),
        ("license: mit\n", "google/gemma-3-270m", "is under gemma, which may not allow that"),
    ],
)
def test_a_licence_can_forbid_to_publish_and_never_a_private_upload(
    fewtune: Command, hub: FakeHub, run: Path, licence: str, base: str, said: str | None
):
    (run / "card.md").write_text(front(licence), encoding="utf-8")
    plan = RunFolder(run).read_plan().model_copy(update={"model": base})
    (run / "plan.json").write_text(plan.model_dump_json(), encoding="utf-8")
    done = fewtune("push", run, "a", "--public", "--yes")
    assert done.code == (0 if said is None else 2), done.err
    if said is not None:
        assert said in done.err and "without --public" in done.err
        assert hub.calls == []
    assert fewtune("push", run, "b", "--yes").code == 0


def test_without_a_card_nothing_goes(fewtune: Command, hub: FakeHub, run: Path):
    (run / "card.md").unlink()
    done = fewtune("push", "r", "a", "--yes")
    assert (done.code, hub.calls) == (2, [])
    assert done.err == "Error: r: no card.md, which becomes the repository's README; write it with: fewtune report r\n"


def test_what_is_no_run_does_not_go(fewtune: Command, hub: FakeHub, here: Path):
    assert "no such folder" in fewtune("push", "nowhere", "a", "--yes").err
    assert hub.calls == []


@pytest.mark.parametrize("name", ["a b", "linh/a/b", "-a", "a..b", "đánh-giá"])
def test_a_name_the_hub_does_not_take(fewtune: Command, hub: FakeHub, run: Path, name: str):
    done = fewtune("push", run, "--yes", "--", name)
    assert (done.code, hub.calls) == (2, [])
    assert f"{name}: the Hub does not take this name" in done.err


def test_not_logged_in(fewtune: Command, hub: FakeHub, run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_TOKEN")
    done = fewtune("push", run, "a", "--yes")
    assert (done.code, done.err) == (
        2,
        "Error: not logged in at the Hub; run: hf auth login (with a token that may write)\n",
    )


def test_a_token_that_is_not_accepted(fewtune: Command, hub: FakeHub, run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    done = fewtune("push", run, "a", "--yes")
    assert done.code == 2
    assert (
        done.err
        == f"Error: {hub.url} does not accept your token; log in again: hf auth login (with a token that may write)\n"
    )


@pytest.mark.parametrize(
    ("token", "repo"), [(READ_ONLY, "linh/a"), (TOKEN, "somebody/a")], ids=["read only", "of others"]
)
def test_no_permission(
    fewtune: Command, hub: FakeHub, run: Path, monkeypatch: pytest.MonkeyPatch, token: str, repo: str
):
    monkeypatch.setenv("HF_TOKEN", token)
    done = fewtune("push", run, repo, "--yes")
    assert (done.code, done.out, hub.files) == (2, "", {})
    assert f"Error: {repo}: your token may not write there" in done.err


def test_offline(fewtune: Command, hub: FakeHub, run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    done = fewtune("push", run, "a", "--yes")
    assert (done.code, hub.calls) == (2, [])
    assert done.err.startswith("Error: offline mode is on (HF_HUB_OFFLINE)")


def test_no_network(fewtune: Command, hub: FakeHub, run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    done = fewtune("push", run, "a", "--yes")
    assert done.code == 2
    assert done.err.startswith("Error: http://127.0.0.1:9 cannot be reached (")


def test_a_hub_that_fails_in_between_leaves_no_half(fewtune: Command, hub: FakeHub, run: Path):
    hub.broken = "/commit/"
    done = fewtune("push", run, "a", "--yes")
    assert (done.code, done.out, hub.files) == (2, "", {"linh/a": {}})
    assert "Error: linh/a: the Hub refused the upload (" in done.err
    assert "Traceback" not in done.err
    hub.broken = ""
    assert fewtune("push", run, "a", "--yes").code == 0
