"""How every group of commands speaks: one whole sentence for each command, and the names near to one that is none."""

from __future__ import annotations

import click


class Group(click.Group):
    """As click's own, but no help ends in the middle of a sentence, and a name that is no command is answered with those near to it."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, _sentence(command.help or "")) for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = " or ".join(f"`{ctx.command_path} {name}`" for name in get_close_matches(args[0], names, 2, 0.6))
            hint = f"did you mean {near}?" if near else f"`{ctx.command_path} --help` lists those there are."
            ctx.fail(f"There is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)


def _sentence(text: str) -> str:
    """The first sentence of a help text, on one line."""
    words = " ".join(text.partition("\n\n")[0].split())
    return words.partition(". ")[0].rstrip(".") + "." if words else ""
