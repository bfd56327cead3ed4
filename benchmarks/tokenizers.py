"""How many bytes a token has in what we send: the tool list, the answers and log lines, by two vocabularies that are public.

Budgets count three bytes a token (`mcp_servers.kit.budget`). No tokenizer of a current Claude model is public; the one that Anthropic's package
carried for Claude 2, and Mistral's, show how far that estimate is from real ones. Both come from PyPI, into an environment of their own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import anyio
from mcp import Client

from benchmarks.corpora import labelled_sets
from benchmarks.figures import Figure, Say
from mcp_servers.kit.budget import BYTES_PER_TOKEN
from mcp_servers.launch import SLICES, assemble, server

ROOT = Path(__file__).parent.parent
PACKAGES = ("anthropic==0.34.2", "mistral-common", "tiktoken")
COUNT = """
import base64, json, sys
from pathlib import Path
import anthropic, mistral_common, tiktoken
from tokenizers import Tokenizer

claude = Tokenizer.from_file(str(Path(anthropic.__file__).with_name("tokenizer.json")))
data = json.loads((Path(mistral_common.__file__).parent / "data/tekken_240911.json").read_text("utf-8"))
size = data["config"]["default_vocab_size"] - data["config"]["default_num_special_tokens"]
ranks = {base64.b64decode(entry["token_bytes"]): rank for rank, entry in enumerate(data["vocab"][:size])}
tekken = tiktoken.Encoding("tekken", pat_str=data["config"]["pattern"], mergeable_ranks=ranks, special_tokens={})
counts = {}
for name, text in json.load(sys.stdin).items():
    counts[name] = {"Claude 2": len(claude.encode(text).ids), "tekken": len(tekken.encode(text, disallowed_special=()))}
json.dump(counts, sys.stdout)
"""


def run(say: Say) -> list[Figure]:
    say("collecting texts")
    texts = {"tool list": anyio.run(_listed), "answers": _answers(), "log lines": _lines()}
    say("counting their tokens")
    counted = _counted(texts)
    return [_figure(name, len(texts[name].encode()), counts) for name, counts in counted.items()]


def _figure(name: str, size: int, counts: Mapping[str, int]) -> Figure:
    told = ", ".join(f"{size / count:.2f} ({vocabulary})" for vocabulary, count in counts.items())
    enough = size / BYTES_PER_TOKEN >= max(counts.values())
    return Figure(f"bytes a token, {name}", told, reach=f"≥ {BYTES_PER_TOKEN}, so that budgets hold", met="reach" if enough else "")


def _counted(texts: Mapping[str, str]) -> dict[str, dict[str, int]]:
    uv = shutil.which("uv") or str(ROOT / ".tools" / "uv" / "bin" / "uv")
    wanted = [word for package in PACKAGES for word in ("--with", package)]
    command = [uv, "run", "--quiet", "--isolated", "--no-project", *wanted, "python", "-c", COUNT]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, timeout=600, check=True)
    return json.loads(done.stdout)


async def _listed() -> str:
    """The tool list of all slices as a host puts it before a model."""
    with tempfile.TemporaryDirectory(prefix="kintsugi-bench-") as folder:
        async with Client(server(list(SLICES), assemble(None, home=Path(folder)), frozenset(SLICES))) as client:
            tools = (await client.list_tools()).tools
    return _compact([{"name": tool.name, "description": tool.description, "input_schema": tool.input_schema} for tool in tools])


def _answers() -> str:
    """One answer of each tool, as the surface tests keep them."""
    return "\n".join(_compact(json.loads(path.read_text("utf-8"))) for path in sorted((ROOT / "tests/surface/answers").glob("*.json")))


def _lines() -> str:
    """The first lines of each labelled set."""
    return "\n".join(line for one in labelled_sets() for line in one.lines[:200])


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
