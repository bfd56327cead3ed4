"""Which parts of a message are values: everything that one look at the text can tell."""

from __future__ import annotations

import re

HOLE = "<*>"
_LONGEST = 2048
_LONGEST_RAW = 65_536
_NUMBERED = re.compile(r"(?<![^\W_])(?:((?![a-fA-F]+\d)[^\W\d_]+)?\d+(?![^\W_])|[^\W_]*\d[^\W_]*)")
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
    | [A-Za-z]+_-\d\w*
    | [A-Za-z_][\w$]*?\d[\w$]*(?:[.:_-]+[\w$]*\d[\w$]*)*
    """
)
_BOOLEAN = re.compile(r"(?<==)(?:true|false)\b", re.I)
_FOLD = re.compile(r"<\*>(?:[\s]*[,:;/.@#|_+-]*[\s]*<\*>|[.:/_-]+(?=<\*>))+")
_KEPT = re.compile(r"(?<![^\W_])[^\W\d_]+0(?![^\W_])")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")


def canonical(text: str) -> str:
    """The normal form that alone decides how a text is masked: `mask(canonical(x)) == mask(x)`, and `canonical` of it is itself.

    White space becomes single blanks. In each word (a run of letters and digits; `_` parts words) that holds a digit, letters
    followed by digits keep the letters (`eth17` is `eth0`), and every other word is `0` (`4711`, `3fa9c`, `0x1f`, `be12`: letters
    that are all hexadecimal tell nothing). At most 2048 characters come back; nothing after the first 64 Ki counts.
    """
    return _NUMBERED.sub(_spelt, " ".join(text[:_LONGEST_RAW].split()))[:_LONGEST].rstrip()


def mask(text: str) -> str:
    """The canonical text with numbers, ids, addresses, paths, dates and the like as `<*>`."""
    text = _VALUES.sub(HOLE, canonical(text))
    return fold(_BOOLEAN.sub(HOLE, text))


def spelled(text: str, sample: str) -> str:
    """A masked text with the digits of the names that it kept (`ssh0`) as they stand in a message of its kind (`ssh2`)."""
    return _KEPT.sub(lambda kept: _as_in(sample, kept[0]), text)


def fold(text: str) -> str:
    """Runs of `<*>` as one: a list of addresses is one value, however long."""
    return _FOLD.sub(HOLE, text)


def mask_message(text: str) -> str:
    """As `mask`, and what stands in quotes as well: the identity of a message, not a text for people."""
    return mask(_QUOTED.sub(HOLE, canonical(text)))


def _as_in(sample: str, kept: str) -> str:
    found = re.search(rf"(?<![^\W_]){re.escape(kept[:-1])}\d+(?![^\W_])", sample)
    return found[0] if found else kept


def _spelt(found: re.Match[str]) -> str:
    return f"{found[1] or ''}0"
