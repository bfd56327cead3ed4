"""Whether a request is one that a vendor's own description allows: method, path, query, body."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[3] / "shared" / "contracts"


class Contract:
    """An OpenAPI description. `check` raises AssertionError for a request that it does not allow."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._paths = [(re.compile(_pattern(path)), operations) for path, operations in document["paths"].items()]

    @classmethod
    @cache
    def of(cls, name: str) -> Contract | None:
        file = FOLDER / name
        return cls(json.loads(file.read_text("utf-8"))) if file.exists() else None

    def check(self, method: str, url: str, content: bytes) -> None:
        parts = urlsplit(url)
        operation = next((ops[method.lower()] for regex, ops in self._paths if regex.fullmatch(parts.path) and method.lower() in ops), None)
        assert operation is not None, f"{method} {parts.path} is no operation of the contract"
        known = {one["name"]: one for one in map(self._resolved, operation.get("parameters", ())) if one["in"] == "query"}
        for name, value in parse_qsl(parts.query):
            assert name in known, f"{method} {parts.path} knows no parameter {name}"
            self._valid(known[name]["schema"], int(value) if known[name]["schema"].get("type") == "integer" else value, name)
        body = operation.get("requestBody")
        if content or (body and body.get("required")):
            assert body, f"{method} {parts.path} takes no body"
            sent = json.loads(content)
            schema = body["content"]["application/json"]["schema"]
            self._valid(schema, sent, f"{method} {parts.path}")
            unknown = set(sent) - set(schema.get("properties", sent))
            assert not unknown, f"{method} {parts.path} knows no {unknown}"

    def example(self, path: str, method: str, status: str = "200") -> Any:
        """The first example of an answer."""
        answer = self._document["paths"][path][method]["responses"][status]["content"]["application/json"]
        return self._resolved(next(iter(answer["examples"].values())))["value"]

    def _resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in value:
            found: Any = self._document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value

    def _valid(self, schema: dict[str, Any], value: Any, where: str) -> None:
        errors = list(Draft202012Validator({**schema, "components": self._document["components"]}).iter_errors(value))
        assert not errors, f"{where}: {errors[0].message}"


def _pattern(path: str) -> str:
    """A ref may hold slashes; nothing else does."""
    return re.sub(r"\\\{(\w+)\\\}", lambda match: ".+" if match[1] in {"ref", "path"} else "[^/]+", re.escape(path))
