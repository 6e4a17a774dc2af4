"""`python -m tools.reference`, from the root of the repository."""

import click

from tools.reference.pages import PAGES, filled, made_in


def main() -> None:
    """Write every page that has such parts, and say which of them changed."""
    for path in sorted(PAGES.rglob("*.md")):
        before = path.read_text(encoding="utf-8")
        if made_in(before):
            after = filled(before)
            path.write_text(after, encoding="utf-8", newline="\n")
            click.echo(f"{path.relative_to(PAGES.parent)}: {'as it was' if after == before else 'written anew'}")


if __name__ == "__main__":
    main()
