"""What the commands of `kintsugi fix` say: what happened, what it proves, and the next command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from kintsugi.workspace import approvals_of, ledger_of
from mcp_servers.cases.approvals import Request, short
from mcp_servers.cases.model import Case
from mcp_servers.kit.deps import Deps

if TYPE_CHECKING:
    from kintsugi.commands.fix_intake import Made

_WIDE = 120
_ANOTHER = "kintsugi fix propose …     (another patch)"


@dataclass(frozen=True, slots=True)
class Story:
    """One fix with everything around it."""

    fix: Mapping[str, Any]
    case: Case
    request: Request | None
    now: datetime
    options: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, deps: Deps, fix: Mapping[str, Any], there: Mapping[str, Any]) -> Story:
        case = ledger_of(deps).case(fix["case"])
        request = approvals_of(deps).asked(fix["digest"])
        options = tuple(one for one in there["fixes"] if one["case"] == case.id and one["id"] != fix["id"])
        return cls(fix, case, request, deps.clock(), options)

    @property
    def approval(self) -> str:
        """Who was asked, and what they said, in a sentence."""
        request = self.request
        if self.fix["state"] == "applied" and request:
            return f"approved by {request.person}, and used"
        if request is None:
            return "nobody was asked yet"
        if not request.decision:
            return f"waits for a person since {request.requested:%Y-%m-%d %H:%M} UTC (digest {short(request.digest)}, {request.risk} risk)"
        if request.decision == "expired":
            return (
                f"approved by {request.person}, but not used in time: ask again" if request.person else "nobody answered in time: ask again"
            )
        if request.decision != "approved":
            return f"{request.decision} by {request.person}"
        until = f"{request.expires[:16].replace('T', ' ')} UTC"
        return f"approved by {request.person}, {f'but not used until {until}: ask again' if self._late else f'to be used until {until}'}"

    @property
    def _late(self) -> bool:
        request = self.request
        if request is None:
            return False
        return request.decision == "expired" or (bool(request.expires) and request.expires <= self.now.isoformat())

    @property
    def next(self) -> str:
        return next_command(self.fix, self.request.decision if self.request and not self._late else "")

    def as_json(self) -> dict[str, Any]:
        asked = {key: str(value) for key, value in asdict(self.request).items()} if self.request else None
        case = {"id": self.case.id, "title": self.case.title, "state": str(self.case.state), "occurrences": self.case.occurrences}
        return {**self.fix, "about": case, "request": asked, "approval_state": self.approval, "options": self.options, "next": self.next}


def next_command(fix: Mapping[str, Any], decision: str = "") -> str:
    """The one command that takes a fix on from here."""
    name, state = fix["id"], fix["state"]
    if state == "proposed":
        return f"kintsugi fix certify {name}"
    if decision == "rejected":
        return _ANOTHER
    if state == "certified":
        return f"kintsugi fix apply {name}" if decision == "approved" else f"kintsugi fix approve {name}"
    if state == "applied":
        return f"git merge --ff-only {fix.get('branch')}     (or: kintsugi fix rollback {name})"
    return _ANOTHER if state == "refuted" else ""


def proposed(made: Made) -> Iterator[str]:
    answer = made.answer
    seen = f"seen {made.case.occurrences} time{'s' if made.case.occurrences != 1 else ''}"
    yield f"{'Opened' if made.opened else 'Found'} {made.case.id}: {made.case.title} ({seen})."
    for other in made.also:
        yield f"  also in the traceback, left alone: {other}"
    yield f"Proposed {answer['id']} on {answer['base'][:12]}: {', '.join(answer['files'])}."
    yield f"  reproduction: {answer['test']} ({made.test})"
    if answer.get("option"):
        yield f"  beside it: {answer['option']} (kintsugi fix list {answer['case']} compares them)"
    if answer.get("no_way_back"):
        yield f"  taking back {answer['no_way_back']}"
    yield from _findings(answer)
    yield "Nothing of yours was touched: the change exists as a tree of git objects, proven by nobody yet."
    yield f"Next: kintsugi fix certify {answer['id']}"


def certified(answer: Mapping[str, Any]) -> Iterator[str]:
    seen = answer["certificate"]
    if not seen["passed"]:
        yield f"Refuted: {seen['reason']}"
        if seen.get("log"):
            yield from (f"  {line}" for line in str(seen["log"]).splitlines()[-12:])
        yield f"{answer['id']} will not be applied. Next: mend the patch or the test, and propose it again."
        return
    yield f"Proven in {seen['jail']} in {seen['seconds']:.1f} s: {seen['reason']}"
    yield f"A person may approve it now, under the digest {short(answer['digest'])}."
    yield f"Next: kintsugi fix approve {answer['id']}"


def applied(answer: Mapping[str, Any]) -> Iterator[str]:
    yield f"Applied {answer['id']}: the branch {answer['branch']} holds the approved tree as {answer['commit'][:12]}."
    yield "Your worktree, index and branches are as they were; the approval is used up."
    yield f"Next: git merge --ff-only {answer['branch']}     (or: kintsugi fix rollback {answer['id']})"


def made_again(answer: Mapping[str, Any]) -> Iterator[str]:
    yield f"Not applied: {str(answer['why']).partition(';')[0]}."
    yield "It was made again on what is there now, proven again, and has to be approved again: what was approved is not what would be applied."
    yield from certified(answer)


def rolled_back(answer: Mapping[str, Any]) -> Iterator[str]:
    yield str(answer["summary"])
    if answer.get("revert"):
        yield f"Next: kintsugi fix certify {answer['revert']}"


def listed(answer: Mapping[str, Any]) -> None:
    if not answer["fixes"]:
        print_line("No fix was proposed here. `kintsugi fix propose PATCH --traceback FILE` makes one.")
        return
    table = _table("fix", "state", "digest", "case", "title")
    for one in answer["fixes"]:
        table.add_row(one["id"], one["state"], short(one["digest"]), one["case"], Text(one["title"]))
    _console().print(table)
    if answer["omitted"]:
        print_line(f"{answer['omitted']} of {answer['total']} did not fit; `kintsugi fix list CASE` shows fewer.")


def compared(answer: Mapping[str, Any]) -> None:
    """Prints the options of one case side by side, and why taking the suspected commit back is none, where it is none."""
    print_line(f"Options of {answer['fixes'][0]['case']}: one of them may be approved.")
    _console().print(_side_by_side(answer["fixes"]))
    for why in dict.fromkeys(one["no_way_back"] for one in answer["fixes"] if one.get("no_way_back")):
        print_line(f"Taking back {why}")
    for one in answer["fixes"]:
        if command := next_command(one):
            print_line(f"{one['id']}: {command}")


def _side_by_side(fixes: Sequence[Mapping[str, Any]]) -> Table:
    """A column for each option: as many as there are, the proposal first."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for one in fixes:
        table.add_column(one["id"], overflow="fold")
    rows = {
        "what": [one["title"] for one in fixes],
        "state": [one["state"] for one in fixes],
        "proof": [one.get("proof", "none yet") for one in fixes],
        "risk": [f"{one.get('risk', 'medium')}{', needs a signed approval' if one['approval'] == 'elevated' else ''}" for one in fixes],
        "size": [_size(one) for one in fixes],
        "for": ["\n".join(one.get("pros", ("-",))) for one in fixes],
        "against": ["\n".join(one.get("cons", ("-",))) for one in fixes],
    }
    for name, told in rows.items():
        table.add_row(Text(name, style="dim"), *map(Text, told))
    return table


def _size(fix: Mapping[str, Any]) -> str:
    count = len(fix["files"])
    return f"{count} file{'s' if count != 1 else ''}, +{fix['added']} −{fix['removed']}"


def show(story: Story) -> None:
    """Prints the whole story of a fix, the diff last but one, the next command last."""
    console, fix = _console(), story.fix
    console.print(Text.assemble((f"{fix['id']}  {fix['title']}", "bold"), f"  [{fix['state']}]"))
    for name, text in _facts(story):
        console.print(Text.assemble((f"{name:<10}", "dim"), text), soft_wrap=True)
    if story.options:
        console.print(Text("options   ", style="dim"))
        console.print(_options(story))
    console.print(Syntax(str(fix["diff"]).rstrip("\n"), "diff", theme="ansi_dark", background_color="default", word_wrap=False))
    if fix.get("diff_omitted"):
        console.print(f"{fix['diff_omitted']} characters more: git diff {fix['base'][:12]} {fix['tree'][:12]}")
    if story.next:
        console.print(Text(f"Next: {story.next}"), soft_wrap=True)


def _facts(story: Story) -> Iterator[tuple[str, str]]:
    fix, case = story.fix, story.case
    yield "case", f"{case.id}, {case.state}: {case.title}, seen {case.occurrences} time{'s' if case.occurrences != 1 else ''}"
    if fix.get("cause"):
        yield "why", str(fix["cause"])
    if fix.get("reasoning"):
        yield "", str(fix["reasoning"])
    yield "what", f"{', '.join(fix['files'])}; on {fix['target']} at {fix['base'][:12]}"
    yield "test", fix["test"] or "none: it takes a fix back"
    yield "proof", _proof(fix.get("certificate"))
    yield "risk", "high: see below" if fix["approval"] == "elevated" else "low: nothing that is protected changes"
    yield from (("", f"{one['code']}  {one['path']}:{one.get('line', 0)}  {one['text']}") for one in fix.get("findings", ()))
    yield "approval", f"{story.approval}; digest {short(fix['digest'])}"
    yield from (("for it", point) for point in fix.get("pros", ()))
    yield from (("against it", point) for point in fix.get("cons", ()))
    if fix.get("no_way_back"):
        yield "instead", f"taking back {fix['no_way_back']}"
    if fix.get("branch"):
        yield "branch", f"{fix['branch']} at {fix.get('commit', '')[:12]}"


def _proof(certificate: Mapping[str, Any] | None) -> str:
    if certificate is None:
        return "none yet"
    word = "proven" if certificate["passed"] else "refuted"
    return f"{word} in {certificate['jail']}, {certificate['seconds']:.1f} s: {certificate['reason']}"


def _options(story: Story) -> Table:
    table = _table("", "fix", "state", "title", "for", "against")
    for one in sorted((story.fix, *story.options), key=lambda each: each["id"]):
        mark = "→" if one["id"] == story.fix["id"] else ""
        points = ["; ".join(one.get(side, ())) for side in ("pros", "cons")]
        table.add_row(mark, one["id"], one["state"], Text(one["title"]), *(Text(each) for each in points))
    return table


def _findings(answer: Mapping[str, Any]) -> Iterator[str]:
    for one in answer["findings"]:
        yield f"  {one['code']}  {one['path']}:{one.get('line', 0)}  {one['text']}"
    if answer["approval"] == "elevated":
        yield "  Because of this it needs a signed approval: kintsugi fix approve FIX --sign KEY."


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column in {"fix", "state", "digest", "case"}, overflow="fold")
    return table


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)


def print_line(text: str) -> None:
    _console().print(Text(text), soft_wrap=True)
