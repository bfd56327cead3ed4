"""What a person decides, at a terminal: approve, reject, roll back, close, pause, resume."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import anyio
import click
from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from kintsugi.commands import fix_story
from kintsugi.commands.here import open_repository
from kintsugi.tools import Tools
from kintsugi.workspace import approvals_of, ledger_of, open_deps
from mcp_servers.cases.approvals import short
from mcp_servers.cases.model import Fix, State
from mcp_servers.cases.ssh import sign
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import Refusal


@click.command()
@click.argument("fix_id")
@click.option(
    "--sign", "key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="SSH key that asks for you: a stronger proof."
)
def approve(fix_id: str, key: Path | None) -> None:
    """Approve FIX_ID: shows what would change, and asks you to type its digest."""
    approve_at_terminal(open_repository(), fix_id, key)


def approve_at_terminal(deps: Deps, fix_id: str, key: Path | None = None) -> None:
    """Shows the fix and takes the typed digest; raises `Refusal` without a terminal, without a certificate, or for other words."""
    _terminal("approve")
    fix, approvals = _known(deps, fix_id), approvals_of(deps)
    request = approvals.request(fix.id, risk=fix.risk, actor=person())
    if request.decided:
        raise Refusal(
            f"{fix_id} is {request.decision} already, by {request.person}; `kintsugi fix show {fix_id}` says what comes next.",
            code="already_decided",
        )
    show(deps, fix)
    typed = click.prompt(f"Type {short(fix.digest)} to approve exactly this, anything else to leave it", default="", show_default=False)
    if typed.strip().lower() != short(fix.digest):
        raise Refusal("That is not the digest; nothing was approved.", code="wrong_digest")
    if key is None:
        case = approvals.approve(fix.digest, person=person(), channel="terminal")
    else:
        case = approvals.approve_signed(fix.digest, sign(request.statement, key))
    if case.state is not State.APPROVED:
        click.echo("Recorded. Its risk asks for another person too.")
        return
    click.echo(f"Approved by {person()}, for once. `kintsugi fix apply {fix_id}` applies it; `kintsugi rollback {fix_id}` takes it back.")


@click.command()
@click.argument("fix_id")
@click.option("--reason", prompt="Why", help="What the next proposal has to answer.")
def reject(fix_id: str, reason: str) -> None:
    """Reject FIX_ID with a reason."""
    reject_at_terminal(open_repository(), fix_id, reason)


def reject_at_terminal(deps: Deps, fix_id: str, reason: str) -> None:
    """Records the no of the person at this terminal."""
    _terminal("reject")
    fix = _known(deps, fix_id)
    approvals_of(deps).reject(fix.digest, person=person(), channel="terminal", reason=reason)
    click.echo(f"{fix_id} is rejected and will not be applied.")


@click.command()
@click.argument("fix_id")
@click.option("--reason", prompt="Why", help="Kept on the ledger.")
def revoke(fix_id: str, reason: str) -> None:
    """Take back your approval of FIX_ID, as long as nobody has applied it."""
    deps = open_repository()
    fix = _known(deps, fix_id)
    approvals_of(deps).revoke(fix.digest, person=person(), reason=reason)
    click.echo(f"The approval of {fix_id} is taken back.")


@click.command()
@click.argument("case_id")
@click.option("--reason", prompt="Why it is no problem", help="Kept on the ledger.")
def close(case_id: str, reason: str) -> None:
    """Close CASE_ID as a false positive: the same error opens no case again."""
    _terminal("close")
    ledger_of(open_deps()).append(case_id, "closed", {"reason": reason}, actor=person())
    click.echo(f"{case_id} is closed. The same error opens no case again.")


@click.command()
@click.argument("fix_id")
def rollback(fix_id: str) -> None:
    """Undo FIX_ID: its branch goes if it is still ours; what was merged is reverted on a branch of its own."""
    deps = open_repository()
    _known(deps, fix_id)
    answer = anyio.run(lambda: Tools(deps, writes=True).call("rollback_fix", fix_id=fix_id, actor=person()))
    for line in fix_story.rolled_back(answer):
        click.echo(line)


@click.command()
@click.option("--reason", prompt="Why", help="Shown to everyone who meets the switch.")
def pause(reason: str) -> None:
    """Stop every write of every driver, at once."""
    ledger_of(open_deps()).pause(True, actor=person(), reason=reason)
    click.echo("Healing is paused. `kintsugi resume` goes on.")


@click.command()
def resume() -> None:
    """Let healing go on."""
    _terminal("resume")
    ledger_of(open_deps()).pause(False, actor=person())
    click.echo("Healing goes on.")


def show(deps: Deps, fix: Fix) -> None:
    """Prints the recomputed diff and the certificate of a fix."""
    answer = anyio.run(lambda: Tools(deps, ("fixes",)).call("get_fix", fix_id=fix.id))
    console = Console(stderr=True)
    console.print(Text(f"{fix.id}  {fix.title}", style="bold"))
    console.print(Syntax(str(answer.get("diff", "")), "diff", theme="ansi_dark", background_color="default", word_wrap=True))
    if answer.get("diff_omitted"):
        console.print(Text(f"{answer['diff_omitted']} characters more: git diff {answer['base']} {answer['tree']}", style="bold red"))
    for finding in answer.get("findings", ()):
        console.print(Text(f"{finding['code']}  {finding['path']}:{finding.get('line', 0)}  {finding['text']}", style="yellow"))
    certificate = fix.certificate
    if certificate:
        console.print(
            Text(
                f"certificate: {certificate.get('reason')} ({certificate.get('runs')} run{'s' if certificate.get('runs') != 1 else ''}, "
                f"jail: {certificate.get('jail')})"
            )
        )


def person() -> str:
    """Who sits at this terminal, as the operating system knows it."""
    return getpass.getuser()


def _known(deps: Deps, fix_id: str) -> Fix:
    case = ledger_of(deps).case_of_fix(fix_id)
    return next(fix for fix in case.fixes if fix.id == fix_id)


def _terminal(verb: str) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refusal(f"`kintsugi {verb}` needs a person at a real terminal; a program cannot {verb}.", code="no_terminal")
