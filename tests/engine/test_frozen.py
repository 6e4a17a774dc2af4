"""The frozen part computed once: a run equal to one that computes it at every step, and every reason not to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.runs import LABELS, make_loop, reviews, write_model, write_reviews
from fewtune.adapted import adapt
from fewtune.engine import frozen as module
from fewtune.engine.evaluate import SOME, no_shortcut
from fewtune.engine.frozen import Anew, Kept, computed_once, frozen_part
from fewtune.engine.kept import OnDisk
from fewtune.engine.loop import Examples, Loop
from fewtune.methods._base import Method
from fewtune.methods.head import Head
from fewtune.methods.last_layers import LastLayers
from fewtune.methods.lora import Lora
from fewtune.model.stand import Stand
from fewtune.record.event import Event
from fewtune.record.facts import FrozenPart
from fewtune.run import plan, resume, train
from fewtune.settings import RunConfig
from fewtune.tasks.language_modeling import LanguageModeling
from fewtune.tasks.seq2seq import Seq2seq
from in_double import Double, InDouble, Interrupted
from models import tiny_model, tiny_tokenizer

# To adapt the upper blocks alone is what is asked for here.
pytestmark = pytest.mark.filterwarnings("ignore:.* is adapted in 1 of 2 blocks:UserWarning")

TOP = "bert.encoder.layer.1."
METHODS = {
    "head": Head(),
    "last_layers": LastLayers(layers=1),
    "lora": Lora(rank=2, alpha=4, dropout=0.0, targets=(TOP + "attention.self.query", TOP + "attention.self.value")),
}


def a_loop(folder: Path, method: Method, architecture: str = "bert", dropout: float = 0.0, **options: Any) -> Loop:
    """In fp64, so that equal means equal; ragged rows, batches that are cut unevenly."""
    torch.manual_seed(0)
    task = InDouble(labels=LABELS, max_length=64)
    options = {"train": reviews(22), "epochs": 3, "patience": None, "accumulation": 2} | options
    loop = make_loop(folder, method=method, task=task, precision=Double("fp32", "cpu"), dropout=dropout, **options)
    if architecture == "bert":
        return loop
    tokenizer = tiny_tokenizer(architecture)
    encoded = [Examples(each.rows, task.encode(each.rows, tokenizer)) for each in (loop.train, loop.validation)]
    torch.manual_seed(0)
    adapted = adapt(tiny_model(architecture, labels=2, dropout=dropout), method)
    parts = loop.config, loop.precision, loop.accelerator, loop.folder, loop.emit
    return Loop(adapted, task, tokenizer, *encoded, *parts)


def planned(loop: Loop) -> FrozenPart:
    features = {"train": loop.train.features, "validation": loop.validation.features}
    return frozen_part(loop.adapted, loop.task, features, loop.epochs, 8)


@contextmanager
def once(loop: Loop, folder: Path, said: list[FrozenPart] | None = None) -> Iterator[FrozenPart]:
    folder.mkdir(exist_ok=True)
    with computed_once(loop, planned(loop), folder, lambda event: None) as found:
        assert found is not None
        yield found


def anew(loop: Loop) -> Loop:
    """The definition: the frozen part in evaluation mode at each step."""
    frozen = module.Frozen(loop.adapted.model, module._cuts(loop.adapted, loop.task), module._learning(loop.adapted))
    loop.train = replace(loop.train, shortcut=Anew(loop, frozen))
    return loop


def seeded(loop: Loop) -> None:
    """Run with the same dropout."""
    torch.manual_seed(1)
    loop.run()


def learned(loop: Loop) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in loop.adapted.trainable().items()}


def assert_close(one: dict[str, Tensor], two: dict[str, Tensor], atol: float = 1e-9) -> None:
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, two[name], rtol=0, atol=atol, msg=name)


def count_calls(model: nn.Module, path: str) -> list[int]:
    """How many rows have gone through a module, call by call."""
    heard: list[int] = []
    model.get_submodule(path).register_forward_pre_hook(lambda _, args: heard.append(len(args[0])))
    return heard


# --- equal to computing it at each step


@pytest.mark.parametrize("name", METHODS)
def test_without_dropout_the_run_is_that_of_the_plain_loop(name: str, tmp_path: Path) -> None:
    plain, cut = (a_loop(tmp_path / each, METHODS[name]) for each in ("plain", "cut"))
    before = learned(cut)
    plain.run()
    with once(cut, tmp_path / "files") as found:
        assert (found.kept, found.reason) == ("memory", None)
        cut.run()
    assert_close(learned(cut), learned(plain))
    assert any((tensor - before[name]).abs().max() > 1e-3 for name, tensor in learned(cut).items())
    assert cut.progress.best == pytest.approx(plain.progress.best)


@pytest.mark.parametrize("method", ["head", "last_layers"])
@pytest.mark.parametrize(
    "architecture", ["roberta", "modernbert", "distilbert", "deberta_v2", "gpt2", "llama", "t5", "bart"]
)
def test_so_it_is_for_other_architectures(architecture: str, method: str, tmp_path: Path) -> None:
    loops = [a_loop(tmp_path / each, METHODS[method], architecture, epochs=2) for each in ("plain", "cut")]
    loops[0].run()
    with once(loops[1], tmp_path / "files") as found:
        assert found.kept == "memory"
        loops[1].run()
    # AdamW divides by the root of a mean of squares, so what is a rounding error in a gradient near zero is none in a step.
    assert_close(learned(loops[1]), learned(loops[0]), 1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_with_dropout_it_is_the_run_with_the_frozen_part_in_evaluation_mode(name: str, tmp_path: Path) -> None:
    """What learns is dropped from as ever, with the same random numbers; a plain run differs."""
    plain, defined, cut = (a_loop(tmp_path / each, METHODS[name], dropout=0.3) for each in ("plain", "defined", "cut"))
    seeded(plain), seeded(anew(defined))
    with once(cut, tmp_path / "files"):
        seeded(cut)
    assert_close(learned(cut), learned(defined))
    assert any((tensor - learned(cut)[name]).abs().max() > 1e-4 for name, tensor in learned(plain).items())


@pytest.mark.parametrize("name", METHODS)
def test_evaluation_mode_is_that_of_the_model_itself(name: str, tmp_path: Path) -> None:
    """The definition against a second derivation: a step in which the frozen modules themselves are in evaluation mode."""
    loop, other = (a_loop(tmp_path / each, METHODS[name], dropout=0.3) for each in ("one", "other"))
    window = [list(loop.train.features[:4])]
    kept: list[Tensor] = []
    frozen_blocks = other.adapted.model.get_submodule("bert.encoder.layer")[: 2 if name == "head" else 1]  # pyright: ignore[reportIndexIssue]
    for one, use in ((anew(loop), loop), (other, other)):
        use.model.train()
        if use is other:
            for each in (*frozen_blocks, use.adapted.model.get_submodule("bert.embeddings")):
                each.eval()
        torch.manual_seed(7)
        batch = one.task.collate(window[0], one.tokenizer)
        with one.train.shortcut(range(4), batch):
            kept.append(one.task.outputs(one.model, batch).detach())
    torch.testing.assert_close(kept[0], kept[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", ["head", "last_layers"])
def test_equal_seeds_are_bitwise_equal_wherever_it_is_kept(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for place in ("memory", "memory", "disk"):
        monkeypatch.setattr(module, "place_for", lambda size, folder, place=place: place)
        loop = a_loop(tmp_path / str(len(found)), METHODS[method], dropout=0.3)
        with once(loop, tmp_path / "files") as said:
            assert said.kept == place
            assert {type(each.shortcut) for each in (loop.train, loop.validation)} == {Kept}
            assert isinstance(loop.train.shortcut, Kept)
            assert isinstance(loop.train.shortcut.store, OnDisk) == (place == "disk")
            loop.run()
        found.append(learned(loop))
        assert not list((tmp_path / "files").iterdir())
    for other in found[1:]:
        assert all(torch.equal(found[0][name], other[name]) for name in other)


# --- really once


@pytest.mark.parametrize("name", METHODS)
def test_each_row_goes_through_the_frozen_blocks_once_in_all(name: str, tmp_path: Path) -> None:
    loop = a_loop(tmp_path, METHODS[name])
    heard = count_calls(loop.adapted.model, "bert.encoder.layer.0")
    above = count_calls(loop.adapted.model, "classifier")
    with once(loop, tmp_path / "files"):
        # One batch is tried first: to where the frozen part ends, then whole; and some rows for what is read of the last block.
        assert sum(heard) == 2 * module.PROBED + SOME + 22 + 10
        heard.clear(), above.clear()
        loop.run()
        assert (heard, sum(above)) == ([], 3 * (22 + 10))


def test_a_run_of_which_everything_learns_is_as_it_was(tmp_path: Path) -> None:
    loop = a_loop(tmp_path, Lora(rank=2, alpha=4))
    with once(loop, tmp_path / "files") as found:
        assert found == FrozenPart()
        assert loop.train.shortcut is no_shortcut
        assert not any(isinstance(each, Stand) for each in loop.adapted.model.modules())


def test_of_a_head_that_reads_the_first_token_nothing_else_is_kept(tmp_path: Path) -> None:
    """22 + 10 rows of 32 numbers of 8 bytes; for other methods all their tokens."""
    sizes = {}
    for name in ("head", "last_layers"):
        loop = a_loop(tmp_path / name, METHODS[name])
        with once(loop, tmp_path / "files") as found:
            sizes[name] = found.bytes
    tokens = sum(len(piece["input_ids"]) for piece in (*loop.train.features, *loop.validation.features))
    assert sizes == {"head": 32 * 32 * 8, "last_layers": tokens * 32 * 8}
    assert planned(loop).bytes == sizes["last_layers"]


def test_a_head_that_reads_the_last_token_gets_all(tmp_path: Path) -> None:
    loop = a_loop(tmp_path, Head(), "gpt2")
    with once(loop, tmp_path / "files") as found:
        assert found.bytes > 32 * 32 * 8
        assert isinstance(loop.train.shortcut, Kept)
        assert not loop.train.shortcut.first


def test_time_for_it_is_time_of_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = a_loop(tmp_path, Head())
    clock = iter([100.0, 107.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    with once(loop, tmp_path / "files"):
        assert loop.progress.seconds == 7.0


# --- why not


@pytest.mark.parametrize("place", [None, "disk"])
def test_without_room_it_is_computed_at_each_step_with_the_same_aim(
    place: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nowhere to keep it; or the disk fills while it is written."""
    monkeypatch.setattr(module, "place_for", lambda size, folder: place)
    real, puts = OnDisk.put, iter(range(1000))

    def put(self: OnDisk, states: Tensor) -> int:
        if next(puts) == 5:
            raise OSError(28, "No space left on device")
        return real(self, states)

    monkeypatch.setattr(OnDisk, "put", put)
    defined, cut = (a_loop(tmp_path / each, METHODS["last_layers"], dropout=0.3) for each in ("defined", "cut"))
    seeded(anew(defined))
    with once(cut, tmp_path / "files") as found:
        assert (found.kept, found.reason) == (None, "room")
        assert isinstance(cut.train.shortcut, Anew)
        assert not list((tmp_path / "files").iterdir())
        seeded(cut)
    assert all(torch.equal(learned(defined)[name], tensor) for name, tensor in learned(cut).items())


def test_one_epoch_is_not_worth_it_and_has_the_same_aim(tmp_path: Path) -> None:
    loop = a_loop(tmp_path, Head(), epochs=1)
    with once(loop, tmp_path / "files") as found:
        assert (found.kept, found.reason, found.bytes) == (None, "epoch", 0)
        assert isinstance(loop.train.shortcut, Anew)
        assert loop.validation.shortcut is no_shortcut
    assert loop.train.shortcut is no_shortcut


def test_a_model_that_reads_its_frozen_part_elsewhere_is_left_alone(tmp_path: Path) -> None:
    """Its pooler adds what the first block gave, as no structure shows: the losses of the trial differ."""
    loop = a_loop(tmp_path, Head())
    model = loop.adapted.model
    model.seen = torch.zeros(1, 1, 1)

    def note(block: nn.Module, args: Any, output: Tensor) -> None:
        model.seen = output

    first = model.get_submodule("bert.encoder.layer.0")
    first.register_forward_hook(note)

    def add(pooler: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        taken, model.seen = model.seen, torch.zeros(1, 1, 1)
        return (args[0] + taken,)

    model.get_submodule("bert.pooler").register_forward_pre_hook(add)
    with once(loop, tmp_path / "files") as found:
        assert (found.kept, found.reason) == (None, "differs")
        assert loop.train.shortcut is no_shortcut


@pytest.mark.parametrize("error", [TypeError, AttributeError])
def test_so_is_one_that_does_not_run_without_its_blocks(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Stand, *args: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr("fewtune.model.stand.Last.forward", refuse)
    loop = a_loop(tmp_path, Head())
    with once(loop, tmp_path / "files") as found:
        assert found.reason == "differs"


def test_something_that_learns_below_unseen_by_structure_is_seen_by_the_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = a_loop(tmp_path, LastLayers(layers=1))
    embeddings = loop.adapted.model.get_submodule("bert.embeddings")
    embeddings.register_forward_hook(lambda module, args, output: output + torch.zeros(1, requires_grad=True))
    with once(loop, tmp_path / "files") as found:
        assert found.reason == "differs"


def test_texts_that_are_covered_anew_or_share_a_row_are_not_kept() -> None:
    causal, masked = (LanguageModeling(objective_kind=kind) for kind in ("causal", "masked"))
    assert (causal.steady, masked.steady) == (True, False)
    assert not causal.model_copy(update={"packing": True}).steady
    adapted = adapt(tiny_model("bert", head="AutoModelForMaskedLM"), LastLayers(layers=1))
    pieces = {"train": [{"input_ids": [5, 6, 7]}], "validation": []}
    assert frozen_part(adapted, masked, pieces, 3, 4).reason == "anew"
    assert frozen_part(adapted, causal, pieces, 3, 4).reason is None


def test_of_a_task_that_writes_the_encoder_and_the_training_rows_are_kept() -> None:
    adapted = adapt(tiny_model("bart", head="AutoModelForSeq2SeqLM"), LastLayers(layers=1))
    pieces = {"train": [{"input_ids": [5, 6, 7]}], "validation": [{"input_ids": [5] * 100}]}
    found = frozen_part(adapted, Seq2seq(), pieces, 3, 4)
    assert [stack.stack for stack in found.stacks] == ["model.encoder.layers"]
    assert found.bytes == 3 * 32 * 4


def test_a_finished_training_computes_nothing(tmp_path: Path) -> None:
    loop = a_loop(tmp_path, Head())
    loop.progress.reason = "epochs"
    heard = count_calls(loop.adapted.model, "bert.encoder.layer.0")
    with once(loop, tmp_path / "files"):
        assert heard == []


def test_everything_is_as_before_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "place_for", lambda size, folder: "disk")
    loop = a_loop(tmp_path, LastLayers(layers=1))
    parts = (loop.train, loop.validation)
    with pytest.raises(OSError, match="somebody else's"), once(loop, tmp_path / "files"):
        assert loop.train is not parts[0]
        raise OSError("somebody else's")
    assert (loop.train, loop.validation) == parts
    assert not list((tmp_path / "files").iterdir())
    assert not any(isinstance(each, Stand) for each in loop.adapted.model.modules())


# --- whole runs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frozen")
    write_reviews(folder / "reviews.csv", reviews(60))
    write_model(folder / "model", dropout=0.2)
    return folder


def config(inputs: Path, out: Path, method: Any) -> RunConfig:
    return RunConfig.model_validate(
        {"model": str(inputs / "model"), "data": str(inputs / "reviews.csv"), "method": method, "out": out}
        | {"train": {"epochs": 4, "batch_size": 8, "patience": None}, "eval": {"resamples": 100}}
    )


@pytest.mark.parametrize(
    ("kept", "method"), [("memory", "head"), ("disk", {"name": "last_layers", "layers": 1})], ids=["memory", "disk"]
)
def test_a_run_that_was_interrupted_goes_on_bit_for_bit(
    kept: str, method: Any, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "place_for", lambda size, folder: kept)
    whole = train(config(inputs, tmp_path / "whole", method), show="none")

    def stop(event: Event) -> None:
        if event.kind == "step" and (event.epoch or 0) > 2.1:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(config(inputs, tmp_path / "cut", method), show="none", on_event=stop)
    assert not (tmp_path / "cut/frozen.tmp").exists()
    events: list[Event] = []
    again = resume(tmp_path / "cut", show="none", on_event=events.append)
    assert [event.phase for event in events if event.kind == "phase"][-4:] == [
        "frozen",
        "training",
        "test",
        "baselines",
    ]
    assert again.scores == whole.scores
    for file in (whole.folder / "adapter").glob("*.safetensors"):
        assert file.read_bytes() == (again.folder / "adapter" / file.name).read_bytes()
    assert not (tmp_path / "cut/frozen.tmp").exists()


def test_the_plan_says_it_before_and_after(inputs: Path, tmp_path: Path) -> None:
    asked = config(inputs, tmp_path / "run", "head")
    before = plan(asked).frozen
    assert before is not None
    assert (before.kept, before.reason) == (None, None)
    assert [(each.stack, each.blocks, each.of) for each in before.stacks] == [("bert.encoder.layer", 2, 2)]
    result = train(asked, show="none")
    assert result.plan.frozen is not None
    assert result.plan.frozen.kept == "memory"
    assert 0 < result.plan.frozen.bytes < before.bytes
    assert '"kept": "memory"' in (tmp_path / "run/plan.json").read_text(encoding="utf-8")
    assert plan(config(inputs, tmp_path / "other", "lora")).frozen == FrozenPart()
