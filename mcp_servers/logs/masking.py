"""Which parts of a message are values: everything that one look at the text can tell."""

from __future__ import annotations

import re

HOLE = "<*>"
_LONGEST = 2048
_TLD = "com|org|net|edu|gov|io|de|fr|uk|ru|cn|jp|br|tw|kr|it|nl|pl|ca|au|us|info|biz|hk|sg|eu|ch|at|se|local|internal|localdomain"
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_VALUES = re.compile(
    rf"""(?x)
    <\d+\ (?:sec|min|ms)\b
    | \b[A-Za-z][\w+.-]*://[^\s,;"'\])>]+
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
    | \b{_DAY},?\ {_MONTH}\ +\d+\ [\d:]+(?:\ [A-Z]{{3,4}})?\ \d{{4}}
    | \b\d{{1,2}}[\ -/]{_MONTH}[\ -/]\d{{2,4}}
    | (?<![\w.-])(?:[A-Za-z0-9_-]+\.)+(?:{_TLD})\b(?!\.?\w)(?::\d+)?
    | (?<![\w.-])(?:[\w-]+\.)+[\w-]+:\d{{1,5}}\b
    | (?<![\w<>*.])[A-Za-z]:\\[^\s"',;]+
    | (?<![\w)>])(?:[\w.@+*$~-]+)?(?:/[\w.@+*$~=%&?#-]+){{2,}}/?
    | (?<![\w)>])/[\w.@+-]*\d[\w.@+-]*
    | (?<![A-Za-z0-9])[+-]?(?:0x)?[0-9a-fA-F]*\d[0-9a-fA-F]*(?:[:.,_/-][0-9a-fA-F]+)*
      (?:\ ?(?:[KMGTkmgt]i?[Bb]|B|[munµ]?s|%))?(?![A-Za-z0-9])
    | (?<![A-Za-z])\b[A-Za-z]{{1,8}}\d(?![\w.-])(?P<keep>)
    | [A-Za-z]+_-\d\w*
    | [A-Za-z_][\w$]*?\d[\w$]*(?:[.:_-]+[\w$]*\d[\w$]*)*
    """
)
_BOOLEAN = re.compile(r"(?<==)(?:true|false)\b", re.I)
_FOLD = re.compile(r"<\*>(?:[\s]*[,:;/.@#|_+-]*[\s]*<\*>|[.:/_-]+(?=<\*>))+")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")


def mask(text: str) -> str:
    """The first 2 KiB of the text with numbers, ids, addresses, paths, dates and the like as `<*>`."""
    text = _VALUES.sub(lambda found: found[0] if found["keep"] is not None else HOLE, text[:_LONGEST])
    return fold(_BOOLEAN.sub(HOLE, text))


def fold(text: str) -> str:
    """Runs of `<*>` as one: a list of addresses is one value, however long."""
    return _FOLD.sub(HOLE, text)


def mask_message(text: str) -> str:
    """As `mask`, and what stands in quotes as well: the identity of a message, not a text for people."""
    return mask(_QUOTED.sub(HOLE, " ".join(text[:_LONGEST].split())))
