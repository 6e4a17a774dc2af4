"""`make bench` compares like with like: the same rows, tokens, weights and losses for everybody, and a limit that adds up."""

import json
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from benchmarks.contest import ours, theirs
from benchmarks.contest.cells import DEFAULTS, OURS, Cell, Contender, Settings, contenders, default_cells
from benchmarks.contest.contest import Failed, Process, environment, write_files
from benchmarks.contest.data import POOL, Rows, drawn_lengths, windows_of
from benchmarks.contest.limit import Weight, flop, product_rate, weights_of_cell
from benchmarks.contest.summary import summary
from benchmarks.contest.turns import Over, Report, Turns
from fewtune import _compat

SETTINGS = Settings(rounds=1, steps=2)
BARE, BEST = Contender("bare"), Contender("trainer", best=True)
PAIRS = [("tiny", "full"), ("tiny", "lora"), ("tiny-t5", "lora"), ("tiny-qwen", "head")]
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def raced(contender: Contender, cell: Cell, folder: Path, settings: Settings = SETTINGS) -> list[Report]:
    """What a contender reports in all its turns, here and not in a process of its own."""
    reports: list[Report] = []
    last = settings.epochs if cell.until_loss else settings.rounds + 1
    turns = Turns(settings.steps, reports.append, lambda: len(reports) < last, until_loss=cell.until_loss)
    if contender.kind == "fewtune":
        ours.run(contender, cell, settings, folder, turns, lambda plan: None)
    else:
        run = theirs.run_trainer if contender.kind == "trainer" else theirs.run_bare
        run(contender, cell, settings, folder, turns)
    return reports


def losses(reports: list[Report]) -> list[float]:
    return [loss for report in reports for loss in report["losses"]]


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Cell, Path, list[Weight]]:
    """A tiny cell without dropout, in which all must learn the same."""
    cell = Cell(*request.param, rows=4, dropout=0.0)
    folder = tmp_path_factory.mktemp(cell.name)
    return cell, folder, write_files(cell, SETTINGS, folder)[1]


@pytest.fixture
def fp32(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """fewtune takes fp32, as on a processor without units for bf16."""
    monkeypatch.setattr(_compat, "cpu_computes_bf16", lambda: False)
    yield


def test_everybody_learns_the_same_from_the_same_batches(plain: tuple[Cell, Path, list[Weight]], fp32: None) -> None:
    """Without dropout: equal losses in equal order, which is so only for equal weights, rows, padding and rates."""
    cell, folder, _ = plain
    mine, bare, best = (losses(raced(who, cell, folder)) for who in (OURS, BARE, BEST))
    assert len(mine) == len(bare) == len(best) == (SETTINGS.rounds + 1) * (SETTINGS.steps + 1)
    assert bare == pytest.approx(best, abs=1e-4)
    same = 1 if cell.method == "lora" else len(mine)  # A is drawn by each for itself, and B starts at zero
    assert mine[:same] == pytest.approx(bare[:same], abs=1e-4)
    assert mine == pytest.approx(bare, rel=0.02)
    assert max(abs(a - b) for a, b in pairwise(mine)) > 2e-3, "equal losses say something"


def test_the_tokens_that_count_are_those_that_are_read(plain: tuple[Cell, Path, list[Weight]]) -> None:
    from transformers import AutoTokenizer

    import fewtune
    from fewtune.engine.prepare import prepare

    cell, folder, weights = plain
    rows = Rows.read(folder)
    config = fewtune.RunConfig.model_validate(ours.options(cell, SETTINGS, folder, folder / "none"))
    prepared = prepare(config)
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    for features, target in (
        (prepared.examples["train"].features, "label"),
        (theirs.features_of(cell, tokenizer, folder / "train.csv"), "labels"),
    ):
        assert [len(piece["input_ids"]) for piece in features] == rows.inputs
        if rows.targets:
            assert [len(piece[target]) for piece in features] == rows.targets
    assert prepared.plan.learning_rate == rows.learning_rate
    # What learns: counted by the plan, by the limit (matrices only), and by the peer.
    model = theirs.model_of(BEST, cell, folder, seed=0)
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert sum(parameter.numel() for parameter in learning) == prepared.plan.trainable
    if cell.method == "lora":
        counted = sum(weight.numbers for weight in weights if weight.learns)
        assert counted == sum(parameter.numel() for parameter in learning if parameter.ndim == 2)


def flat(windows: list[list[int]]) -> list[int]:
    return [row for window in windows for row in window]


def test_every_round_has_the_same_rows_for_all() -> None:
    inputs = drawn_lengths(16, 4, seed=0)
    draw = random.Random(1)
    draw.shuffle(inputs)
    settings = Settings(rounds=5, steps=3)
    rows = Rows(inputs, [], windows_of(inputs, 16, settings), 0.0)
    grouped, shuffled = rows.batches(BEST, 0), rows.batches(DEFAULTS, 0)
    assert grouped == rows.epochs and len(grouped) == 6
    for one, other in zip(grouped, shuffled, strict=True):
        assert sorted(flat(one)) == list(range(64)) == sorted(flat(other))
        assert one[0] == other[0] and sorted(flat(one[1:])) == sorted(flat(other[1:]))
        assert [len(window) for window in other] == [16] * 4
        assert rows.tokens(one[1:]) == rows.tokens(other[1:])
        assert rows.padded(one) < 0.85 * rows.padded(other)
    assert shuffled[1] != shuffled[2]


def test_few_batches_pad_as_those_of_a_large_data_set() -> None:
    """What transformers' own sampler pads among 3,200 rows, and what is padded of the rows that are kept."""
    from transformers.trainer_pt_utils import get_length_grouped_indices

    def padding(batches: list[list[int]]) -> float:
        return 1 - sum(map(sum, batches)) / sum(max(batch) * len(batch) for batch in batches)

    large = [length for seed in range(4) for length in drawn_lengths(16, POOL, seed)]
    order = get_length_grouped_indices(large, 16, generator=torch.Generator().manual_seed(0))
    theirs_ = padding([[large[index] for index in order[start : start + 16]] for start in range(0, len(order), 16)])
    kept = [sorted(drawn_lengths(16, 4, seed)) for seed in range(20)]
    mine = padding([lengths[start : start + 16] for lengths in kept for start in range(0, 64, 16)])
    assert mine == pytest.approx(theirs_, abs=0.02)
    assert sum(large) / len(large) == pytest.approx(32, rel=0.05)


# --- the limit


def by_hand(shape: str, method: str, folder: Path) -> int:
    cell = Cell(shape, method, rows=4, dropout=0.0)
    write_files(cell, SETTINGS, folder)
    weights, _ = weights_of_cell(cell, folder / "model")
    return flop(weights, {"inputs": 100, "targets": 30, "rows": 4})


def test_the_limit_of_bert_is_that_of_a_hand_count(tmp_path: Path) -> None:
    body, pooler, classifier = 2 * (4 * 32 * 32 + 2 * 32 * 48), 32 * 32, 2 * 32
    lora = 2 * 2 * 8 * (32 + 32)
    head = 6 * 4 * (pooler + classifier)
    assert by_hand("tiny", "full", tmp_path / "a") == 6 * 100 * body + head
    assert by_hand("tiny", "lora", tmp_path / "b") == 100 * (4 * body + 6 * lora) + head
    assert by_hand("tiny", "head", tmp_path / "c") == 2 * 100 * body + head


def test_the_limit_of_t5_counts_what_the_decoder_reads_of_the_encoder(tmp_path: Path) -> None:
    attention, inner, vocabulary = 4 * 32 * 32, 2 * 32 * 48, 32 * 4008
    read = 2 * (
        attention + inner + attention // 2
    )  # the encoder, and keys and values of the decoder's second attention
    written = 2 * (attention + attention // 2 + inner)
    assert by_hand("tiny-t5", "full", tmp_path / "a") == 6 * (100 * read + 30 * (written + vocabulary))
    assert by_hand("tiny-t5", "head", tmp_path / "b") == 2 * (100 * read + 30 * written) + 6 * 30 * vocabulary


def test_the_limit_of_a_decoder_counts_its_output_once(tmp_path: Path) -> None:
    body, vocabulary = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 48), 32 * 4008
    lora = 2 * 8 * ((32 + 32) + (32 + 16))
    assert by_hand("tiny-qwen", "lora", tmp_path / "a") == 100 * (4 * body + 6 * lora) + 4 * 96 * vocabulary
    assert by_hand("tiny-qwen", "head", tmp_path / "b") == 2 * 100 * body + 6 * 96 * vocabulary


def test_the_rate_of_products_is_that_of_torch() -> None:
    import time

    x, w = torch.randn(256, 512), torch.randn(512, 512)
    best = 0.0
    for _ in range(20):
        started = time.process_time()
        for _ in range(4):
            x @ w
        best = max(best, 4 * 2 * 256 * 512 * 512 / max(time.process_time() - started, 1e-9))
    rate = product_rate([(512, 512, 256), (512, 512, 256)], torch.float32, time.process_time)
    assert best / 4 < rate < 4 * best


# --- turns, and what they come to


def test_the_clock_runs_from_the_first_step_of_an_epoch_to_its_last() -> None:
    now, reports = iter(range(1, 100)), []
    turns = Turns(2, reports.append, lambda: len(reports) < 2, clock=lambda: float(next(now)))
    with pytest.raises(Over):
        for loss in range(100):
            turns.step(loss)
    assert [report["losses"] for report in reports] == [[0, 1, 2], [3, 4, 5]]
    assert [report["seconds"] for report in reports] == [2, 2], "and nothing between them"
    assert reports[0]["first_step"] == 1


def test_time_until_a_loss_leaves_out_the_others_turns() -> None:
    time, reports = [0.0], []

    def called() -> bool:
        time[0] += 1000  # others have their turns
        return True

    turns = Turns(2, reports.append, called, clock=lambda: time[0], until_loss=True)
    turns.begins()
    for number in range(3):
        time[0] += 5
        turns.step(0.0)
        turns.evaluated(1.0 - number)
    assert [report["seconds"] for report in reports] == [5, 10, 15]


def test_a_contender_stands_still_until_it_is_called_and_its_last_words_are_kept(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(
        "import json, sys\n"
        "assert json.load(open(sys.argv[1]))['contender']['kind'] == 'bare'\n"
        "for number in range(2):\n"
        "    print(json.dumps({'turn': number}), flush=True)\n"
        "    print('noise', file=sys.stderr)\n"
        "    assert sys.stdin.readline() == 'go\\n'\n"
        "sys.exit('no more memory')\n",
        encoding="utf-8",
    )
    process = Process(Cell("tiny", "lora"), SETTINGS, BARE, tmp_path, [], (sys.executable, str(script)))
    assert process.reports == [{"turn": 0}]
    assert process.turn() == {"turn": 1}
    with pytest.raises(Failed, match="no more memory"):
        process.turn()
    process.end()


def test_a_laptop_is_one_for_everybody() -> None:
    native, laptop = (environment(Cell("tiny", "lora", isa=isa), Settings(threads=3)) for isa in ("native", "avx2"))
    assert laptop["OMP_NUM_THREADS"] == native["OMP_NUM_THREADS"] == "3"
    assert laptop["ONEDNN_MAX_CPU_ISA"] == laptop["MKL_ENABLE_INSTRUCTIONS"] == "AVX2"
    assert laptop["ATEN_CPU_CAPABILITY"] == "avx2"
    assert not {"ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"} & (native.keys() - os.environ.keys())


def test_medians_and_ratios() -> None:
    def reports(seconds: list[float], memory: int) -> list[Report]:
        about = {
            "first_step": 2.0,
            "memory": memory,
            "imports": 100,
            "losses": [1.0, 0.5],
            "rate": 1e6,
            "format": "bfloat16",
        }
        return [about | {"seconds": each} for each in (99.0, *seconds)]

    found = summary(
        {
            "cell": asdict(Cell("tiny", "lora")),
            "settings": asdict(SETTINGS),
            "failed": {},
            "tokens": [{"inputs": 100, "targets": 0, "rows": 4}] * 4,
            "flop": [10_000] * 4,
            "numbers": {"learning": 1, "all": 2},
            "padded": {
                "fewtune": 500,
                "trainer": 800,
                "trainer at its best (bf16)": 500,
                "trainer at its best (fp32)": 500,
            },
            "reports": {
                "fewtune": reports([1, 2, 4], 300),
                "trainer": reports([4, 4, 20], 500),
                "trainer at its best (fp32)": reports([4, 3, 5], 400),
                "trainer at its best (bf16)": reports([2, 3, 4], 400),
            },
        }
    )
    mine = found["contenders"]["fewtune"]
    assert mine["tokens_per_second"] == [100, 50, 25]
    assert found["limit"] == 10_000, "a million FLOP a second, a hundred a token"
    assert mine["share"] == 0.005
    assert (mine["padding"], found["contenders"]["trainer"]["padding"]) == (0.2, 0.5)
    assert found["ratios"]["trainer"] == {"speed": 4.0, "memory": 0.5, "start": 1.0}
    assert found["best"] == "trainer at its best (bf16)"
    assert found["ratios"][found["best"]]["speed"] == 1.5
    assert json.loads(json.dumps(found)) == found


def test_the_loss_that_all_reached_decides() -> None:
    curves = {"fewtune": [(1.0, 0.9), (2.0, 0.4), (3.0, 0.5)], "trainer": [(2.0, 0.8), (4.0, 0.6), (6.0, 0.7)]}
    found = summary(
        {
            "cell": asdict(Cell("tiny", "lora", until_loss=True)),
            "settings": asdict(SETTINGS),
            "failed": {},
            "reports": {
                name: [{"seconds": seconds, "validation_loss": loss} for seconds, loss in curve]
                for name, curve in curves.items()
            },
        }
    )
    assert found["target"] == 0.6
    assert {name: each["seconds"] for name, each in found["contenders"].items()} == {"fewtune": 2.0, "trainer": 4.0}
    assert {name: each["whole"] for name, each in found["contenders"].items()} == {"fewtune": 3.0, "trainer": 6.0}


def test_epochs_are_judged_on_the_same_sentences(tmp_path: Path, fp32: None) -> None:
    cell, settings = Cell("tiny", "full", rows=64, dropout=0.0, until_loss=True), Settings(epochs=2)
    write_files(cell, settings, tmp_path)
    mine, best = (raced(who, cell, tmp_path, settings) for who in (OURS, BEST))
    for found in (mine, best):
        assert len(found) == 2 and 0 < found[0]["seconds"] < found[1]["seconds"]
    assert [each["validation_loss"] for each in mine] == pytest.approx(
        [each["validation_loss"] for each in best], rel=0.02
    )


def test_who_takes_part() -> None:
    kinds = {contender.kind for contender in contenders(Cell("minilm", "lora"))}
    assert kinds == {"fewtune", "trainer", "bare"}
    assert not any(contender.stored for contender in contenders(Cell("minilm", "full")))
    for emulating in (contenders(Cell("minilm", "lora", isa="avx2")), contenders(Cell("minilm", "lora"), units=False)):
        assert {contender.autocast for contender in emulating if contender.best} == {False}, "bf16 would be emulated"
    names = [cell.name for cell in default_cells()]
    assert len(names) == len(set(names))
    assert len({contender.file for contender in contenders(Cell("minilm", "lora"), compiled=True)}) == 6
