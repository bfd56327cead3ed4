"""What a forge shows of a fix: the message of its commit and the text of its pull request. Pure; nothing in either acts by itself."""

from __future__ import annotations

from mcp_servers.fixes.model import Proposal, Request
from mcp_servers.fixes.store import Intent
from mcp_servers.kit.inert import block, line, plain
from mcp_servers.kit.redaction import clean

LABELS = ("AI-Fix", "auto-generated")
_DIFF = 40_000


def message(proposal: Proposal, intent: Intent) -> str:
    """The commit's message with its trailers; closing words, mentions and links of strangers are taken apart."""
    cause = plain(str(proposal.draft.get("cause", "")), 300)
    trailers = {"Case": proposal.case, "Fix": proposal.id, "Digest": intent.digest, "Approved-by": _one_line(intent.person)}
    parts = (plain(proposal.title, 200), cause, "\n".join(f"{name}: {value}" for name, value in trailers.items()))
    return "\n\n".join(filter(None, parts)) + "\n"


def request(proposal: Proposal, diff: str) -> Request:
    """The pull request of an applied proposal: cause, approval, certificate, findings, and the diff, cut where it is long."""
    certificate = proposal.certificate
    seen = f"{line(certificate.reason, 1_000)} ({line(certificate.jail)}, {certificate.seconds:.1f} s)" if certificate else ""
    sections = [
        line(str(proposal.draft.get("cause", "")), 2_000),
        f"Case `{proposal.case}`, fix `{proposal.id}`, approved as `{proposal.digest}`.",
        f"**Certificate.** {seen}",
        *(f"**{line(finding.code)}** {line(finding.path)}: {line(finding.text, 500)}" for finding in proposal.findings),
        block(clean(diff), "diff", _DIFF),
    ]
    return Request(
        fix=proposal.id,
        repository=proposal.repository,
        branch=proposal.branch,
        target=proposal.target,
        base=proposal.base,
        head=proposal.commit,
        title=plain(proposal.title, 200),
        body="\n\n".join(filter(None, sections)),
        labels=LABELS,
    )


def _one_line(text: str) -> str:
    return " ".join(str(clean(text)).split())[:300]
