"""The report whatever the folder holds: hostile names, missing parts, both languages, no network, colours that can be read."""

import os
import re
import subprocess
import sys
from pathlib import Path
from string import Formatter

import pytest

from fewtune.messages import LANGUAGES, _report_en, _report_facts_en, _report_facts_vi, _report_vi
from fewtune.record.facts import Glance
from fewtune.record.plan import Finding, PlannedColumn, PlannedLayer
from fewtune.record.result import RunScores, Score
from fewtune.report.build import build_report, render
from report.pages import page
from report.run_folders import LEAKAGE, LOSSES, classified, numbers, run_scores, sets, write_run

REPORT = Path(build_report.__code__.co_filename).parent
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; --",
    "{{ 7 * 7 }}",
    "a" * 5000,
    "\x07\u202ebell",
)


ENGLISH = {**_report_en.SENTENCES, **_report_facts_en.SENTENCES}
VIETNAMESE = {**_report_vi.SENTENCES, **_report_facts_vi.SENTENCES}


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


def test_loads_nothing_heavy(tmp_path):
    write_run(tmp_path / "run")
    code = (
        "import sys; from fewtune.record.folder import RunFolder; from fewtune.report.build import build_report; "
        f"build_report(RunFolder({str(tmp_path / 'run')!r})); "
        "heavy = {'torch', 'transformers', 'accelerate', 'datasets', 'numpy', 'sklearn', 'scipy'} & set(sys.modules); "
        "below = [m for m in sys.modules if m.startswith('fewtune.')]; "
        "foreign = [m for m in below if m.split('.')[1] not in ('report', 'record', 'config', 'messages', 'errors', 'registry')]; "
        "assert not heavy and not foreign, (heavy, foreign)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(REPORT.parents[1])})


@pytest.mark.parametrize(
    "labels", [HOSTILE, tuple(f"{text}{i}" for text in HOSTILE for i in range(4))], ids=["matrix", "pairs"]
)
def test_hostile_names_stay_text(tmp_path, labels, language):
    bad = HOSTILE[0]
    folder = write_run(
        tmp_path / "&amp; run",
        labels=labels,
        findings=[
            LEAKAGE.model_copy(update={"values": {"split": bad, "rows": 1, "of_rows": 2}}),
            Finding(id=bad, level="note", values={bad: bad}),
        ],
        settings={"method": {"name": bad, bad: bad}, "seed": bad},
        columns={"text": PlannedColumn(name=bad, reason=bad), bad: PlannedColumn(name=HOSTILE[1], reason=HOSTILE[1])},
        data_sha256={HOSTILE[1]: bad},
        layers=(PlannedLayer(path=bad, what=bad, parameters=1),),
        model=bad,
        revision=bad,
        architecture=bad,
        method=bad,
        task=bad,
        device=bad,
        predictions=[
            {
                "row": 0,
                "text": HOSTILE[1],
                "pair": bad,
                "group": bad,
                "label": bad,
                "prediction": "x",
                "probabilities": {"x": 1},
            },
            {"row": 1, "text": bad * 50, "label": bad, "prediction": HOSTILE[1], "probabilities": {}},
            *(
                {"row": 2, "text": text[:100], "label": text, "prediction": "x", "probabilities": {}}
                for text in HOSTILE[2:]
            ),
        ],
        environment={"versions": {bad: bad}, "command": [bad, HOSTILE[1]], "weights_sha256": {bad: bad}, "gpu": bad},
        decision={bad: bad},
    )
    found = page(folder, language)
    assert not {"script", "img", "iframe", "link", "object", "b"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "src"]
    assert bad in found.text
    assert "{{ 7 * 7 }}" in found.text
    assert "\x07" not in folder.report.read_text(encoding="utf-8")
    assert "a" * 200 not in found.text


def test_asks_the_network_for_nothing(tmp_path):
    html = render(write_run(tmp_path / "run"))
    assert "default-src 'none'" in html
    assert not re.search(
        r"@import|url\(|\bsrc\s*=|<link|<script|<base|https?:|href=\"[^#]", html.replace("default-src", "")
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"finished": False},
        {"finished": False, "saved": ""},
        {"scores": RunScores()},
        {"scores": run_scores(("a", "b"), comparison=None, verdict="unknown")},
        {"scores": run_scores(("a", "b"), comparison=None, verdict="unknown", baselines={}, test={}, confusion={})},
        {"labels": ("no", "yes"), "losses": LOSSES[:1], "epochs": 1},
        {"losses": (), "labels": tuple(f"label_{i}" for i in range(20))},
        {"labels": tuple(f"label_{i}" for i in range(77))},
        {"predictions": classified(("a", "b")), "scores": RunScores()},
        {"predictions": numbers(), "task": "regression", "labels": (), "scores": RunScores()},
        {"predictions": numbers(1), "task": "regression", "labels": (), "scores": RunScores(), "base": None},
        {"predictions": sets(("a", "b")), "task": "multilabel", "decision": {"threshold": 0.4}},
        {
            "labels": (),
            "scores": RunScores(),
            "layers": (),
            "trainable": 0,
            "tokens": {},
            "rows": {},
            "columns": {},
            "data_sha256": {},
            "glance": Glance(),
        },
    ],
    ids=[
        "only plan",
        "nothing saved",
        "no scores",
        "no comparison",
        "no test",
        "one epoch",
        "no epoch",
        "77 labels",
        "predictions",
        "numbers",
        "one number",
        "sets",
        "empty",
    ],
)
def test_is_whole_whatever_is_missing(tmp_path, changes, language):
    found = page(write_run(tmp_path / "run", **changes), language)
    assert ("lang", language) in found.attributes
    assert not re.search(r"\bNone\b(?! of)", found.text)
    assert "nan" not in re.split(r"\W+", found.text)


def test_stays_small_whatever_the_data(tmp_path):
    labels = tuple(f"ý định số {i}" for i in range(200))
    lines = classified(labels, 2000, 0.5)
    for line in lines:
        line["text"] *= 500
    scores = run_scores(
        labels, groups={f"nhóm {i}": {"accuracy": Score(value=0.5, low=0, high=1, n=20)} for i in range(100)}
    )
    losses = [(1 / epoch, 1 + epoch / 100) for epoch in range(1, 1001)]
    folder = write_run(tmp_path / "run", labels=labels, scores=scores, predictions=lines, losses=losses, epochs=1000)
    assert folder.predictions.stat().st_size > 40_000_000
    assert len(build_report(folder).read_bytes()) < 800_000


def test_both_languages_have_the_same_sentences_and_places():
    def places(sentence):
        return sorted(name for _, name, _, _ in Formatter().parse(sentence) if name)

    assert list(ENGLISH) == list(VIETNAMESE)
    for id, sentence in ENGLISH.items():
        assert id.startswith("report_")
        assert places(sentence) == places(VIETNAMESE[id]), id


def test_every_sentence_is_used():
    files = [*REPORT.rglob("*"), REPORT.parent / "cli" / "report.py"]
    sources = "".join(path.read_text(encoding="utf-8") for path in files if path.suffix in (".py", ".j2"))
    composed = (
        "verdict_",
        "advice_",
        "level_",
        "split_",
        "metric_",
        "about_",
        "role_",
        "phase_",
        "asked_",
        "why_",
        "task_",
        "vllm_",
    )
    unused = [
        id
        for id in (name.removeprefix("report_") for name in ENGLISH)
        if not id.startswith(composed) and not re.search(rf"[\"'](report_)?{id}[\"']", sources)
    ]
    assert unused == ["temperature_softer", "temperature_sharper", "temperature_unchanged"]  # f"temperature_{kind}"


def test_vietnamese_is_vietnamese_throughout(tmp_path, language):
    text = page(write_run(tmp_path / "run", findings=[LEAKAGE]), language).text
    if language == "vi":
        for said in ("Chưa đủ bằng chứng", "75,0%", "+20,0 điểm", "111.744 trong 23.046.147", "Quá khớp", "Cảnh báo"):
            assert said in text, said
        named = {id for id in ENGLISH if id.startswith("report_task_")}  # what one types, in brackets behind the words
        for sentence in (ENGLISH[id] for id in ENGLISH.keys() - named):
            longest = max(re.split(r"\{\w+\}", sentence), key=len)
            assert len(longest) < 12 or longest not in text, sentence


def test_colours_can_be_read():
    """WCAG 2.2: contrast of at least 4.5 for text, 3 for lines and bars that carry a number."""
    blocks = re.findall(r":root \{(.*?)\}", (REPORT / "style" / "colours.css").read_text(encoding="utf-8"), re.DOTALL)
    light, dark = (dict(re.findall(r"--([\w-]+): ([^;]+);", block)) for block in blocks[:2])
    assert light.keys() == dark.keys()
    for colours in (light, dark):
        for text, grounds in {
            "text": ("ground", "sheet", "track", "better-ground", "unclear-ground", "no-better-ground"),
            "quiet": ("ground", "sheet"),
            "link": ("ground", "better-ground", "unclear-ground", "no-better-ground", "sheet"),
            "better": ("better-ground",),
            "unclear": ("unclear-ground",),
            "no-better": ("no-better-ground",),
        }.items():
            for ground in grounds:
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for line in ("tuned", "other", "train", "ink", "blue-line", "orange-line", "better"):
            assert contrast(colours[line], colours["ground"]) >= 3, line
        for hue in ("blue", "orange"):
            assert (
                contrast(colours["text"], shaded(colours[hue], colours["ground"], float(colours["strength"]))) >= 4.5
            ), hue


def shaded(hue: str, ground: str, strength: float) -> str:
    """A cell of the matrix that holds its whole line."""
    below = [int(ground[i : i + 2], 16) for i in (1, 3, 5)]
    share = 0.04 + strength
    return "#" + "".join(
        f"{round(a * share + b * (1 - share)):02x}" for a, b in zip(map(int, hue.split()), below, strict=True)
    )


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
