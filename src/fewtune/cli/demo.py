"""`fewtune demo`."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import click

from fewtune.config.read import build, merge, overrides
from fewtune.messages import Sentence
from fewtune.settings import RunConfig

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Of our own writing, and in no bundled file.
SAMPLES = {
    "en": {
        "sentiment": (
            "Third time this week the app logs me out halfway through a payment. Brilliant.",
            "The nurse called back within ten minutes and sorted it all out.",
            "Is the branch on Hill Road open on Saturdays?",
        ),
        "topic": (
            "My parcel says delivered but there is nothing on the porch.",
            "Which form do I need to report interest from a savings account?",
            "My knee has been swollen since the run on Sunday.",
        ),
    },
    "vi": {
        "sentiment": (
            "Tuần này ba lần rồi, cứ bấm thanh toán là app văng ra. Giỏi thật.",
            "Mười phút sau cô điều dưỡng gọi lại, việc gì cũng xong.",
            "Chi nhánh đường Hàng Tre có làm sáng thứ Bảy không ạ?",
        ),
        "topic": (
            "Báo đã giao mà trước cửa nhà chẳng có gói nào.",
            "Lãi sổ tiết kiệm thì khai vào mẫu nào hả anh?",
            "Từ hôm chạy bộ Chủ nhật tới giờ gối em sưng hoài.",
        ),
    },
}


@click.command()
@click.argument("pairs", nargs=-1, metavar="[SECTION.KEY=VALUE]...")
@click.option(
    "--label", type=click.Choice(list(SAMPLES["en"])), default="topic", show_default=True, help="What to learn."
)
@click.option(
    "--messages",
    type=click.Choice(list(SAMPLES)),
    default="en",
    show_default=True,
    help="Language of what is learned from.",
)
@click.option("--quiet", is_flag=True, help="Only the verdict and the predictions.")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object on standard output.")
@click.pass_obj
def demo(language: str, pairs: tuple[str, ...], label: str, messages: str, quiet: bool, as_json: bool) -> None:
    """Watch a real pre-trained model learn from 300 messages that come with fewtune, offline, on a CPU."""
    with as_file(files("fewtune.bundled") / f"messages_{messages}.csv") as path:
        values = {
            "model": {"name": "minilm"},
            "data": {"path": str(path), "text_column": "text", "label_column": label, "test_share": 0.3},
        }
        config = build(RunConfig, merge(values, overrides(pairs)))
        from fewtune import load
        from fewtune import train as start
        from fewtune.cli._run import show_run

        result = show_run(
            lambda on_event, show: start(config, on_event=on_event, show=show, language=language),
            language,
            quiet=quiet,
            as_json=as_json,
        )
    if as_json:
        return
    tuned, samples = load(result.folder), SAMPLES[messages][label]
    for text, found in zip(samples, tuned.predict(samples), strict=True):
        click.echo(f"  {found.label} ({max(found.probabilities.values()):.0%})\t{text}")
    if messages == "en" and not quiet:
        click.echo("\n" + vietnamese(tuned.tokenizer).say(language))


def vietnamese(tokenizer: PreTrainedTokenizerBase) -> Sentence:
    """What the tokenizer would lose of the bundled Vietnamese messages; nothing is trained for it."""
    from fewtune.check.tokenizer import tokenizer_merges
    from fewtune.data.read import read

    with as_file(files("fewtune.bundled") / "messages_vi.csv") as path:
        # Some were written without diacritics; of those no tokenizer can lose any.
        texts = [row["text"] for row in read(path).rows if not row["text"].isascii()]
    found = tokenizer_merges(texts, tokenizer)
    if not found:
        return Sentence("demo_vietnamese_kept", {"texts": len(texts)})
    return Sentence("demo_vietnamese_lost", {"texts": len(texts), "finding": Sentence(found[0].id, found[0].values)})
