"""Read the configured limit and check it against what production needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from kintsugi.reasoners.changes import Plan
from kintsugi.reasoners.matching import Facts
from kintsugi.reasoners.reproductions import Sketch, test_path
from kintsugi.reasoners.settings import Setting


def config_bound(facts: Facts, plan: Plan) -> Iterator[Sketch]:
    """One check of the setting that the plan raises."""
    setting: Setting | None = plan.aim.get("setting")
    if setting is None:
        return
    up = len(PurePosixPath(test_path(facts, plan)).parts) - 1
    read = f"Path(__file__).resolve().parents[{up}].joinpath({setting.file!r}).read_text('utf-8')".replace("'utf-8'", '"utf-8"')
    lines, imports = _reading(setting, facts, read)
    old = setting.value
    message = f'f"{setting.name} is {{value}}, and production ran out at {old}"'
    name = f"{re.sub(r'[^a-z0-9]+', '_', setting.name.lower())}_is_large_enough"
    yield Sketch((*lines, f"assert value >= {plan.aim['value']}, {message}"), ("from pathlib import Path", *imports), name=name, check=True)


def _reading(setting: Setting, facts: Facts, read: str) -> tuple[list[str], list[str]]:
    suffix, keys = PurePosixPath(setting.file).suffix, setting.key.split(".")
    path = "".join(f"[{int(key) if key.isdigit() else key!r}]" for key in keys).replace("'", '"')
    if setting.node is not None:
        line = facts.sources[setting.file].lines[setting.line - 1]
        before = re.split(rf"(?<!\w){re.escape(str(setting.value))}(?!\w)", line, maxsplit=1)[0]
        return [f"found = re.search(re.escape({before!r}) + r'(\\d[\\d_]*)', {read})", "assert found", "value = int(found[1])"], [
            "import re"
        ]
    if suffix == ".toml":
        return [f"settings = tomllib.loads({read})", f"value = settings{path}"], ["import tomllib"]
    if suffix == ".json":
        return [f"settings = json.loads({read})", f"value = settings{path}"], ["import json"]
    if suffix in (".ini", ".cfg"):
        section, _, key = setting.key.partition(".")
        return ["settings = configparser.ConfigParser(interpolation=None)", "settings.optionxform = str", f"settings.read_string({read})",
                f"value = settings.getint({section!r}, {key!r})"], ["import configparser"]  # fmt: skip
    if suffix in (".yaml", ".yml") and any("import yaml" in facts.sources[each].text for each in facts.sources.app):
        return [f"settings = yaml.safe_load({read})", f"value = settings{path}"], ["import yaml"]
    pattern = rf"(?m)^\s*(?:export\s+)?[\"']?{re.escape(keys[-1])}[\"']?\s*[:=]\s*[\"']?(\d+)"
    return [f"found = re.search({pattern!r}, {read})", "assert found", "value = int(found[1])"], ["import re"]
