"""`fewtune chat`."""

import sys

import click


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--system", help="What the model is told before the conversation.")
@click.option("--side-by-side", is_flag=True, help="The model that it was tuned from answers too.")
@click.pass_obj
def chat(language: str, run: str, system: str | None, side_by_side: bool) -> None:
    """Talk to the tuned model in the folder RUN; an empty line begins anew, the end of the input ends it.

    From a pipe all of the input is one message, and only the reply is written: echo "Xin chào" | fewtune chat RUN
    """
    from transformers.utils.logging import disable_progress_bar

    from fewtune import load
    from fewtune.cli.show import page
    from fewtune.engine.chat import Chat, base_of, start
    from fewtune.messages import say

    disable_progress_bar()
    tuned = load(run)
    fresh = {"tuned": start(tuned, system)}
    if side_by_side:
        fresh["base"] = start(base_of(tuned), system)
    said = {"tuned": say("chat_tuned", language), "base": say("chat_base", language)}
    console = page()

    def answer(chats: dict[str, Chat], text: str) -> dict[str, Chat]:
        after: dict[str, Chat] = {}
        for name, one in chats.items():
            reply, after[name] = one.reply(text)
            if side_by_side:
                console.print(said[name], style="bold")
            console.print(reply, highlight=False, markup=False)
        return after

    if not sys.stdin.isatty():
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace").strip()
        if not text:
            raise click.UsageError(say("chat_empty", language))
        answer(fresh, text)
        return
    console.print(say("chat_begin", language), style="dim")
    chats = fresh
    while True:
        try:
            text = input("> ").strip()
        except EOFError:
            return
        if text:
            chats = answer(chats, text)
        else:
            chats = fresh
            console.print(say("chat_anew", language), style="dim")
