"""XML of strangers, read as a stream: no entities, no document type of its own, nothing fetched, bounded depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from mcp_servers.kit.errors import Refusal

_CHUNK, _DEEPEST, _MOST_TEXT = 1 << 16, 100, 20_000


@dataclass(frozen=True, slots=True)
class Mark:
    """A tag that opens (with its attributes) or closes (with its text)."""

    tag: str
    opens: bool
    depth: int
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    text: str = ""


@dataclass(slots=True)
class _Reader:
    marks: list[Mark] = field(default_factory=list[Mark])
    texts: list[str] = field(default_factory=list[str])

    def opened(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self.texts) >= _DEEPEST:
            raise Refusal(f"The XML is nested more than {_DEEPEST} deep, so it was not read.", code="xml_depth")
        self.texts.append("")
        self.marks.append(Mark(_local(tag), True, len(self.texts), {_local(name): value for name, value in attributes.items()}))

    def closed(self, tag: str) -> None:
        depth = len(self.texts)
        self.marks.append(Mark(_local(tag), False, depth, text=self.texts.pop()))

    def said(self, data: str) -> None:
        if self.texts and len(self.texts[-1]) < _MOST_TEXT:
            self.texts[-1] += data[:_MOST_TEXT]

    def taken(self) -> list[Mark]:
        marks, self.marks = self.marks, []
        return marks


def marks(content: bytes) -> Iterator[Mark]:
    """Tags as they come. Raises `Refusal` for entities, a document type with declarations of its own, or what is no XML.

    The name of an outside document type is let through, since Cobertura and JaCoCo write one; it is not fetched.
    """
    reader, parser = _Reader(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.opened, reader.closed
    parser.CharacterDataHandler = reader.said
    parser.StartDoctypeDeclHandler, parser.EntityDeclHandler = _doctype, _entity
    try:
        for start in range(0, len(content), _CHUNK):
            parser.Parse(content[start : start + _CHUNK], False)
            yield from reader.taken()
        parser.Parse(b"", True)
        yield from reader.taken()
    except (expat.ExpatError, ValueError) as error:
        raise Refusal(f"This is not well-formed XML: {error}.", code="bad_xml") from error


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _doctype(_name: str, _system: str | None, _public: str | None, has_declarations: bool) -> None:
    if has_declarations:
        _entity()


def _entity(*_: object) -> NoReturn:
    raise Refusal(
        "The XML declares a document type or entities of its own, which can blow up, so it was not read.", code="xml_declarations"
    )
