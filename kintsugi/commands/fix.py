"""`kintsugi fix`: a failure, a patch and a proof, from the proposal to the way back, in any git repository.

Whoever runs these commands is a person at work, as with `kintsugi heal`: the tools that write exist here without KINTSUGI_ALLOW_WRITES, and
pass the same gate. What is proposed comes from a file and not from whoever runs the command, so it is proposed by `kintsugi`, as heal does;
`--from` names its author, who then cannot approve it. Approving needs a real terminal, whatever else is allowed.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from kintsugi.commands import decide, fix_intake, fix_story
from kintsugi.commands.asking import json_option, print_json, waiting
from kintsugi.commands.here import open_repository
from kintsugi.groups import Group
from kintsugi.tools import Tools
from kintsugi.workspace import ledger_of
from mcp_servers.kit.deps import Deps
from mcp_servers.kit.errors import KintsugiError, Refusal

_fix_id = click.argument("fix_id", metavar="FIX")
_REMADE = {"base_moved", "policy_changed", "offer_expired"}


@click.group(cls=Group)
def fix() -> None:
    """Take a patch from a traceback to an applied fix, and back: propose, certify, approve, apply, rollback."""


@fix.command()
@click.argument("patch", default="-", metavar="[PATCH|-]")
@click.option("--traceback", metavar="FILE|-", default="", help="A traceback or a log that shows the failure.")
@click.option("--case", "case_id", metavar="CASE", default="", help="A case that is known already; `kintsugi cases` lists them.")
@click.option("--test", metavar="FILE", default="", help="A test that fails as production did; where left out, one is looked for.")
@click.option("--title", default="", help="What the fix does, in a line.")
@click.option("--cause", default="", help="Why it failed, in a sentence.")
@click.option("--option", "option", is_flag=True, help="Propose it beside what is proposed for the case already.")
@click.option("--from", "author", default="", metavar="NAME", help="Who wrote the patch; this person cannot approve it.")
@click.option("--branch", default="", help="The branch that shall get the fix; default: that of kintsugi.toml, or the one that is found.")
@json_option
def propose(patch: str, branch: str, as_json: bool, **asked: Any) -> int:
    """Propose PATCH (a diff, SEARCH/REPLACE blocks, or edits as JSON) for the failure that a traceback or a case shows."""
    deps = open_repository(branch)
    made = asyncio.run(fix_intake.proposed(deps, fix_intake.Asked(patch=patch, **asked)))
    if as_json:
        print_json(dict(made.answer))
        return 0
    for line in fix_story.proposed(made):
        click.echo(line)
    return 0


@fix.command()
@_fix_id
@json_option
def certify(fix_id: str, as_json: bool) -> int:
    """Prove FIX in the sandbox: the test fails as production did, passes with the fix, fails without it, and the other tests stay as they were."""
    deps = open_repository()
    answer = called(deps, "certify_fix", fix_id)
    return _told(answer, as_json, fix_story.certified(answer), 0 if answer["certificate"]["passed"] else 1)


@fix.command()
@_fix_id
@click.option(
    "--sign", "key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="SSH key that asks for you: a stronger proof."
)
def approve(fix_id: str, key: Path | None) -> None:
    """Approve FIX at a terminal, by typing the digest that is shown. `kintsugi approve` is the same door."""
    deps = known(open_repository(), fix_id)
    decide.approve_at_terminal(deps, fix_id, key)


@fix.command()
@_fix_id
@click.option("--reason", prompt="Why", help="What the next proposal has to answer.")
def reject(fix_id: str, reason: str) -> None:
    """Reject FIX with a reason."""
    decide.reject_at_terminal(known(open_repository(), fix_id), fix_id, reason)


@fix.command()
@_fix_id
@json_option
def apply(fix_id: str, as_json: bool) -> int:
    """Make the branch of FIX: exactly the approved tree. Where its base moved, make and prove it anew, and ask again."""
    deps = known(open_repository(), fix_id)
    try:
        answer = called(deps, "apply_fix", fix_id)
    except Refusal as refusal:
        if refusal.code not in _REMADE:
            raise
        again = called(deps, "certify_fix", fix_id)
        answer = {"applied": False, "why": str(refusal), **again}
        return _told(answer, as_json, fix_story.made_again(answer), 1)
    return _told(answer, as_json, fix_story.applied(answer), 0)


@fix.command()
@_fix_id
@json_option
def rollback(fix_id: str, as_json: bool) -> int:
    """Take FIX back: its branch goes while it is not merged; what was merged is taken back by a proposal of its own."""
    deps = known(open_repository(), fix_id)
    answer = called(deps, "rollback_fix", fix_id)
    return _told(answer, as_json, fix_story.rolled_back(answer), 0)


@fix.command()
@_fix_id
@json_option
def show(fix_id: str, as_json: bool) -> int:
    """Tell FIX whole: why, what changes, what is proven, who was asked, what else there is, and what comes next."""
    deps = known(open_repository(), fix_id)
    told = fix_story.Story.of(deps, called(deps, "get_fix", fix_id), called_plain(deps, "list_fixes", limit=100))
    if as_json:
        print_json(told.as_json())
        return 0
    fix_story.show(told)
    return 0


@fix.command(name="list")
@click.argument("case_id", metavar="[CASE]", default="")
@json_option
def list_(case_id: str, as_json: bool) -> int:
    """List the fixes of this repository, newest first; with CASE, compare its options: risk, size, proof, what speaks for and against each."""
    deps = open_repository()
    answer = called_plain(deps, "list_fixes", case_id=case_id, limit=100)
    if case_id:
        answer = {**answer, "fixes": [called_plain(deps, "get_fix", fix_id=one["id"]) for one in answer["fixes"]]}
    if as_json:
        print_json(answer)
        return 0
    if case_id and answer["fixes"]:
        fix_story.compared(answer)
    else:
        fix_story.listed(answer)
    return 0


def called(deps: Deps, tool: str, fix_id: str) -> dict[str, Any]:
    """The tool's answer about a fix that is known here."""
    known(deps, fix_id)
    named = {} if tool == "get_fix" else {"actor": decide.person()}
    try:
        return called_plain(deps, tool, fix_id=fix_id, **named)
    except KintsugiError as error:
        raise type(error)(_for_people(str(error), fix_id), code=error.code) from error


def called_plain(deps: Deps, tool: str, **asked: Any) -> dict[str, Any]:
    with waiting() as progress:
        progress.add_task(_DOING.get(tool, "Looking"))
        return asyncio.run(Tools(deps, ("fixes",), writes=True).call(tool, **asked))


def known(deps: Deps, fix_id: str) -> Deps:
    """What was given, when there is such a fix; raises `Refusal` with the ids that are near."""
    try:
        ledger_of(deps).case_of_fix(fix_id)
    except Refusal as refusal:
        if refusal.code != "unknown_fix":
            raise
        raise Refusal(f"There is no fix {fix_id!r}; {_near(deps, fix_id)}", code="unknown_fix") from None
    return deps


def _near(deps: Deps, fix_id: str) -> str:
    from difflib import get_close_matches

    there = [fix.id for case in ledger_of(deps).cases(deps.watched().name) for fix in case.fixes]
    near = get_close_matches(fix_id, there, 3, 0.6) or there[:3]
    return f"near to it: {', '.join(near)}." if near else "none was proposed here yet; `kintsugi fix propose --help` says how."


def _told(answer: dict[str, Any], as_json: bool, lines: Any, code: int) -> int:
    if as_json:
        print_json(answer)
        return code
    for line in lines:
        click.echo(line)
    return code


def _for_people(text: str, fix_id: str) -> str:
    """The sentence of a tool with commands in place of the tools that it names."""
    text = text.replace("ask with request_approval, then `kintsugi approve`", "ask with request_approval")
    for said, command in _COMMANDS.items():
        text = text.replace(said, f"`kintsugi fix {command} {fix_id}`")
    return text


_COMMANDS = {
    "request_approval": "approve",
    "certify_fix": "certify",
    "apply_fix": "apply",
    "rollback_fix": "rollback",
    "`kintsugi rollback`": "rollback",
}
_DOING = {"certify_fix": "Proving it in the sandbox", "apply_fix": "Applying", "rollback_fix": "Taking it back"}
