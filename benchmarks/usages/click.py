# ruff: noqa
from __future__ import annotations

import click
from click.testing import CliRunner


@click.group(invoke_without_command=True)
@click.option("--debug/--no-debug", default=False)
@click.pass_context
def cli(ctx, debug):
    """A tool."""
    ctx.obj = {"debug": debug}


@cli.command()
@click.argument("name")
@click.option("-c", "--count", default=1, show_default=True, type=click.IntRange(1, 5), help="How often.")
@click.option("--shout", is_flag=True)
@click.pass_obj
def hello(obj, name, count, shout):
    """Greets NAME."""
    for _ in range(count):
        text = f"Hello {name}"
        click.echo(text.upper() if shout else text)
    if obj["debug"]:
        click.echo("debugging", err=True)


@cli.command("mix")
@click.option("--color", type=click.Choice(["red", "blue"], case_sensitive=False), multiple=True)
@click.option("--pair", nargs=2, type=float, default=(0.0, 1.0))
@click.argument("files", nargs=-1)
def mix(color, pair, files):
    click.echo(f"{','.join(color)} {pair[0] + pair[1]} {len(files)}")


@cli.command()
@click.option("--name", prompt="Your name", envvar="TOOL_NAME")
@click.confirmation_option(prompt="Sure?")
def ask(name):
    click.echo(f"deleted {name}")


def run(*words, **more):
    return CliRunner().invoke(cli, list(words), **more)


def test_argument():
    result = run("hello", "Ada")
    assert result.exit_code == 0
    assert result.output == "Hello Ada\n"


def test_option_and_flag():
    result = run("hello", "Ada", "-c", "2", "--shout")
    assert result.output == "HELLO ADA\nHELLO ADA\n"


def test_option_with_equal_sign():
    assert run("hello", "--count=3", "Bo").output.count("Bo") == 3


def test_range_is_checked():
    result = run("hello", "Ada", "--count", "9")
    assert result.exit_code == 2
    assert "9 is not in the range 1<=x<=5" in result.output


def test_missing_argument():
    result = run("hello")
    assert result.exit_code == 2
    assert "Missing argument 'NAME'" in result.output


def test_unknown_option_suggests():
    result = run("hello", "Ada", "--shuot")
    assert "No such option" in result.output
    assert "--shout" in result.output


def test_unknown_command():
    assert "No such command 'nope'" in run("nope").output


def test_group_option_reaches_the_command():
    result = run("--debug", "hello", "Ada")
    assert "debugging" in result.stderr


def test_help_of_a_command():
    text = run("hello", "--help").output
    assert text.startswith("Usage: cli hello [OPTIONS] NAME")
    assert "-c, --count INTEGER RANGE" in text
    assert "[default: 1; 1<=x<=5]" in text


def test_help_of_the_group_lists_commands():
    lines = run("--help").output.splitlines()
    assert "  hello  Greets NAME." in lines
    assert "A tool." in lines[2]


def test_choice_ignores_case_and_repeats():
    assert run("mix", "--color", "RED", "--color", "blue").output == "red,blue 1.0 0\n"


def test_choice_refused():
    result = run("mix", "--color", "green")
    assert "'green' is not one of 'red', 'blue'" in result.output


def test_pair_and_rest():
    assert run("mix", "--pair", "1.5", "2", "a", "b", "c").output == " 3.5 3\n"


def test_pair_not_a_number():
    assert "'x' is not a valid float" in run("mix", "--pair", "1", "x").output


def test_double_dash():
    assert run("hello", "--", "-c").output == "Hello -c\n"


def test_prompt_and_confirmation():
    result = run("ask", input="Bob\ny\n")
    assert result.output.endswith("deleted Bob\n")


def test_confirmation_refused():
    result = run("ask", input="Bob\nn\n")
    assert result.exit_code == 1
    assert "Aborted!" in result.output


def test_environment_variable():
    assert "deleted Eve" in run("ask", "--yes", env={"TOOL_NAME": "Eve"}).output


def test_style_and_unstyle():
    text = click.style("warn", fg="red", bold=True)
    assert text == "\x1b[31m\x1b[1mwarn\x1b[0m"
    assert click.unstyle(text) == "warn"


def test_wrapped_text():
    assert click.wrap_text("one two three four", width=9, initial_indent="- ", subsequent_indent="  ") == "- one two\n  three\n  four"


def test_format_filename():
    assert click.format_filename("/tmp/some/file.txt", shorten=True) == "file.txt"


def test_types_convert():
    assert click.BOOL.convert("yes", None, None) is True
    assert click.DateTime(["%Y"]).convert("2020", None, None).year == 2020
    assert click.Tuple([int, str]).convert(("1", "a"), None, None) == (1, "a")


def test_usage_error_in_callback():
    def positive(ctx, param, value):
        if value < 0:
            raise click.BadParameter("too small")
        return value

    @click.command()
    @click.option("--n", type=int, callback=positive, required=True)
    def tool(n):
        click.echo(str(n))

    assert "Invalid value for '--n': too small" in CliRunner().invoke(tool, ["--n", "-1"]).output
    assert "Missing option '--n'" in CliRunner().invoke(tool, []).output
