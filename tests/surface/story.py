"""One error of a small service, from its log line to its lesson, told through every tool that there is."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from mcp import Client
from mcp.types import ElicitResult

from mcp_servers.cases.approvals import Approvals
from mcp_servers.cases.ledger import Ledger
from mcp_servers.kit.project import Project, Source
from mcp_servers.launch import SLICES, assemble, server
from tests.cases.stories import anomaly
from tests.conftest import Clock
from tests.e2e.strangers import WAREHOUSE, git

FILE = "warehouse/notes.py"
CAUSE = "A parcel without a remark has None there, and remark_line strips it."
TEST = {
    "path": "tests/test_reproduces_remark.py",
    "content": (
        "from warehouse.notes import Parcel, remark_line\n\n\n"
        'def test_a_parcel_without_a_remark_has_an_empty_line():\n    assert remark_line(Parcel(812)) == ""\n'
    ),
}
DRAFT = {
    "title": "Print an empty line for a parcel without a remark",
    "cause": CAUSE,
    "reasoning": "The dataclass gives remark the default None; every caller may leave it out.",
    "risk": "low",
    "pros": ["One place, no caller changes."],
    "cons": ["The note keeps an empty line."],
    "recipe": "optional-value",
    "edits": [{"kind": "replace", "path": FILE, "search": "parcel.remark.strip()", "replace": '(parcel.remark or "").strip()'}],
    "test": TEST,
}
FAILED = "".join(WAREHOUSE.log.partition("printing 40 notes\n")[2].partition("strip'\n")[:2])
EARLIER = "".join(FAILED.replace("08:00:02,310", f"{hour:02d}:{minute:02d}:02,310") for hour in (8, 9) for minute in (20, 40, 50))
LATER = "".join(f"2026-11-20 {hour}:30:00,000 INFO warehouse.jobs printed 40 notes\n" for hour in range(11, 18))


class Story:
    """The service, the servers over it, and what each tool answered when it was first asked."""

    def __init__(self, folder: Path, mode: Any) -> None:
        self.root = WAREHOUSE.build(folder / "warehouse")
        self._log(dedent(EARLIER))
        self.clock = Clock()
        project = Project(self.root, "warehouse", sources=(Source("service", "files", {"paths": ["logs/*.log"]}),))
        self.deps = assemble(project, home=folder / "home", clock=self.clock, allow_bare_jail=True)
        self.mcp = server(list(SLICES), self.deps, frozenset(SLICES))
        self.ledger = Ledger(self.deps.database, self.clock)
        self.answers: dict[str, Any] = {}
        self.tools: set[str] = set()
        self._mode = mode

    def _log(self, text: str) -> None:
        with (self.root / "logs" / "service.log").open("a", encoding="utf-8") as log:
            log.write(text)

    async def call(self, name: str, **arguments: Any) -> Any:
        self.clock.forward(seconds=1)
        async with Client(self.mcp, mode=self._mode, elicitation_callback=self._person) as client:
            result = await client.call_tool(name, arguments)
        assert not result.is_error, f"{name}: {result.content}"
        return self.answers.setdefault(name, result.structured_content)

    async def _person(self, context: Any, params: Any) -> ElicitResult:
        """Somebody at the client, who agrees that a case is closed and decides about fixes at a terminal."""
        closes = params.message.startswith("Close")
        return ElicitResult(action="accept", content={"decision": "close"}) if closes else ElicitResult(action="decline")

    async def tell(self) -> None:
        async with Client(self.mcp, mode=self._mode) as client:
            self.tools = {tool.name for tool in (await client.list_tools()).tools}
        found = await self._notice()
        case = await self._understand(found)
        fix, ticket = await self._mend(case, found)
        self._deploy(case, fix)
        await self._verify(case, found)
        await self._learn(case, found, fix, ticket)
        await self._look_back(case, fix)
        await self._undo(fix)

    async def _notice(self) -> dict[str, Any]:
        await self.call("list_log_sources")
        await self.call("query_logs", since="3h", severity="ERROR")
        await self.call("digest_logs", since="3h")
        anomalies = await self.call("find_anomalies", since="3h", baseline="0m")
        return anomalies["anomalies"][0]

    async def _understand(self, found: dict[str, Any]) -> str:
        case = (await self.call("open_case", anomaly=found))["id"]
        suspects = await self.call("find_suspect_commits", case_id=case, trace=found["trace"], onset=found["first_seen"])
        await self.call(
            "record_diagnosis",
            case_id=case, status="likely", cause=CAUSE, file=FILE, line=16, function="remark_line",
            suspect_commit=suspects["suspects"][0]["commit"],
            claims=[{"text": "remark is None by default", "evidence": f"{FILE}:7"}],
            recipe="optional-value",
        )  # fmt: skip
        return case

    async def _mend(self, case: str, found: dict[str, Any]) -> tuple[str, str]:
        known = await self.call("get_case", case_id=case)
        ticket = (await self.call("create_ticket", case_id=case, evidence=found, diagnosis=known["diagnosis"]))["id"]
        await self.call("comment_ticket", ticket_id=ticket, body="The printers were restarted; it is not that.", actor="ada")
        await self.call(
            "add_runtime_issue",
            repository="warehouse", service_type="worker", issue_type="error", severity="high", log_snippet=found["samples"][0]["body"],
            root_cause=CAUSE, fingerprint=found["fingerprint"], ticket=ticket, case_id=case,
        )  # fmt: skip
        passing = {"path": "tests/test_reproduces_heading.py", "content": "def test_nothing():\n    pass\n"}
        await self.call("try_reproduction", case_id=case, tests=[passing, TEST])
        fix = (await self.call("propose_fix", case_id=case, draft=DRAFT))["id"]
        digest = (await self.call("certify_fix", fix_id=fix))["digest"]
        await self.call("request_approval", fix_id=fix, risk="low")
        await self.call("list_approvals")
        Approvals(self.ledger).approve(digest, person="ada", channel="terminal")
        await self.call("apply_fix", fix_id=fix)
        await self.call("open_pull_request", fix_id=fix)
        return fix, ticket

    def _deploy(self, case: str, fix: str) -> None:
        """What happens outside of the tools: a person merges, the new release prints for some hours."""
        branch = self.answers["apply_fix"]["branch"]
        git(self.root, "merge", "-q", "--no-ff", "-m", "Merge the fix", branch, date="2026-11-20T10:30:00+00:00")
        self.clock.forward(minutes=15)
        self.ledger.append(case, "deployed", {"fix": fix, "release": "r2"}, actor="kintsugi")
        self.clock.forward(hours=8)
        self._log(LATER)

    async def _verify(self, case: str, found: dict[str, Any]) -> None:
        deployed = self.ledger.case(case).times["deployed"].isoformat()
        verdict = await self.call("verify_fix", fingerprint=found["fingerprint"]["coarse"], fixed_at=deployed, since=found["first_seen"])
        assert verdict["word"] == "verified"
        await self.call("check_deployment_health", since=deployed)
        await self.call("get_service_health", service="warehouse.jobs", since="9h")
        await self.call("get_error_trends", since="12h")
        await self.call("analyze_pattern_logs", pattern="printed notes", at=deployed)
        await self.call("correlate_services", since="12h")
        self.ledger.append(case, "verified", verdict, actor="kintsugi")

    async def _learn(self, case: str, found: dict[str, Any], fix: str, ticket: str) -> None:
        now, old = (self.root / FILE).read_text("utf-8"), git(self.root, "show", f"HEAD^:{FILE}") + "\n"
        await self.call(
            "record_lesson",
            case_id=case, repository="warehouse", symptom=found["title"], cause=CAUSE, fix=DRAFT["title"], fix_id=fix,
            fingerprint=found["fingerprint"], recipe="optional-value", changes=[{"path": FILE, "before": old, "after": now}],
        )  # fmt: skip
        await self.call("transition_ticket", ticket_id=ticket, status="resolved", comment=f"{fix} is verified in production.")
        await self.call("query_known_issues", fingerprint=found["fingerprint"])
        await self.call("search_lessons", text="strip of a missing remark")
        await self.call("match_recipes", case_id=case)
        await self.call("check_changes", files=[{"path": FILE, "content": old}])
        await self.call("get_ticket", ticket_id=ticket)
        await self.call("search_tickets", text="remark")
        asked = {"title": "Overhaul the printing of notes", "description": "- empty remarks\n- long remarks\n- notes in every language\n"}
        await self.call("classify_task", **asked, impact=6, risk=3)
        await self.call("break_down_task", **asked)
        await self.call("find_duplicates", title=found["title"], fingerprint=found["fingerprint"]["coarse"])

    async def _look_back(self, case: str, fix: str) -> None:
        self.answers.pop("get_case")
        await self.call("get_case", case_id=case)
        await self.call("get_fix", fix_id=fix)
        await self.call("list_fixes", case_id=case)
        await self.call("list_cases")
        await self.call("get_loop_metrics")

    async def _undo(self, fix: str) -> None:
        other = self.ledger.open_case("warehouse", anomaly("77aa77aa77aa77aa"), actor="kintsugi")[0].id
        await self.call("close_case", case_id=other, reason="A test of the printers, not an error.")
        await self.call("rollback_fix", fix_id=fix)
        await self._compound()
        await self.call("pause_healing", reason="Stocktaking: nobody changes anything today.", actor="ada")

    async def _compound(self) -> None:
        """What is known of the whole: how a pattern does everywhere, and what was deployed."""
        pool = {"repository": "warehouse", "pattern": "database-pool", "path": "settings.toml"}
        await self.call("record_pattern", **pool, parameters={"pool_size": 50})
        self.answers.pop("record_pattern")
        await self.call(
            "record_pattern", **pool, parameters={"pool_size": 30}, reason="Three services share 100 connections.", cause="KIN-7"
        )
        await self.call("update_pattern_metrics", pattern="database-pool", repository="warehouse", error_rate=0.002, latency_p95=80)
        await self.call("get_pattern_health", pattern="database-pool")
        await self.call("notify_deployment", repository="warehouse", version="r2", changes_summary="A smaller pool")
        await self.call("start_enhanced_monitoring", service="warehouse.jobs", version="r2", watch_for=["too many clients"])
        await self.call("get_runtime_status", repository="warehouse")
