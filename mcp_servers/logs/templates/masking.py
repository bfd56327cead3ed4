"""Which parts of a message are values: everything that one look at its canonical form can tell."""

from __future__ import annotations

import re
from functools import lru_cache

HOLE = "<*>"
_LONGEST = 2048
_LONGEST_RAW = 65_536
_LONGEST_KEPT, _KNOWN_SPELLINGS = 64, 50_000
_ZEROS = str.maketrans("123456789", "0" * 9)
_NUMBERED = re.compile(r"(?<![^\W_])(?:((?![a-fA-F]+\d)[^\W\d_]+)?\d+(?![^\W_])|[^\W_]*\d[^\W_]*)")

_TLD = "com|org|net|edu|gov|io|de|fr|uk|ru|cn|jp|br|tw|kr|it|nl|pl|ca|au|us|info|biz|hk|sg|eu|ch|at|se|local|internal|localdomain"
_MONTH = r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DAY = r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?"
_NAMED = "ssh|ipv|socks|sha|utf|http|tls|tlsv|ssl|sslv|oauth|pop|imap|snmpv|nfs|nfsv|ext|usb|iso"
_ACCOUNT = "root|admin|administrator|guest|nobody|anonymous"
_NO_USER = (
    "unknown|request|agent|authentication|input|name|id|space|mode|level|defined|data|process|session|account|group|role|is|was|has|not|does"
    "|from|with|by|and|or|to|in|on|at|for"
)
_OWNER = (
    r"(?:\w+[_.-])?(?:user|user_?name|login|account|owner|host|host_?name|rhost|ruser|peer|client|server|node|ip|addr|address|path|file|dir"
    r"|url|uri|uuid|session|token|email|name|id|key)"
)
_NOT_SAID = "".join(
    f"(?<!{key}=)" for key in ("msg", "message", "error", "err", "reason", "event", "text", "desc", "description", "detail")
)
_GLUE = r"(?:[-./]|~++|\#++)"
_TOKEN = rf"[\w$]+(?:{_GLUE}[\w$]+)*"
_VALUES = re.compile(
    rf"""(?x)
    (?P<keep> (?<!\S)(?:[a-z]++[,:;.]?(?!\S)\ ?)++              # ordinary words, which nothing below could be
    | (?<![\w%])%[A-Z][A-Z0_]*-0-[A-Z0_]+(?=:)                # the code of a message
    | (?<![\w.:/-])[^\W\d]\w*\(\)                             # a function by its name
    | (?<![\w.:/-])\w+(?:::~?(?=\w*[g-zG-Z_])[^\W\d]\w*)+                # a method of a class
    | (?<![\w.-])(?i:{_NAMED})0(?![\w/]|[.-]\w) )               # a protocol, whose digit belongs to its name
    | <0\ (?:ms|s|sec|min|hour|day)\w*                          # less than a second
    | \b(?:[A-Za-z][\w+.-]*://|(?:[a-z]+:)?file:/)[^\s,;"'\])>]*[^\s,;"'\])>.:]
    | (?<![\w.+-])[\w.+-]+@(?=[\w.-]*[^\W\d_])[\w-]+(?:\.[\w-]+)+
    | (?:{_DAY}\ )?{_MONTH}\ 0(?:,?\ 0(?:[:.]0)*)*(?:\ (?:UTC|GMT|[A-Z]{{2,3}}T)\b(?:\ 0)?)?
    | (?:{_DAY}\ )?(?<!\w)0[\ /-]{_MONTH}[\ /-]0(?::0)*(?:\ 0(?::0)+)?(?:\ (?:UTC|GMT)\b|\ [+-]0\b)?
    | (?<![\w.-])(?:[\w-]+\.)+(?:{_TLD})\b(?!\.?\w)(?::0)?
    | (?<![\w.-])(?:[\w-]+\.)+[\w-]+:0(?!\w)
    | (?<![\w<>*.])[A-Za-z]:[\\/](?:[\w.~$%&+@#(){{}}-]+(?:(?<!\.\w\w\w)\ [\w.()-]+){{0,3}}\\)*[^\s"',;\])]*
    | (?<![\w\\.~$-])\\{{0,2}}(?:[\w.~$-]+\\){{2,}}[\w.~$*-]*
    | (?<![\w.@+*$~)>-])[\w.@+*$~-]*(?:/[\w.@+*$~=%&?#-]*[\w@*$~=%&#]){{2,}}/?
    | (?<![\w)>/.<])/[\w.@+-]*\w
    | (?:(?<==)|(?<=GET\ )|(?<=POST\ )|(?<=HEAD\ ))/(?![^\s,;)\]"])
    | (?<![\w-])[\w-]+(?:(?<=-)\[0[^\]]*\]|\[0(?:-0|[,\ ]+0)+\])           # a list of nodes
    | (?:::(?:ffff:)?|(?<![\w:])(?:[a-fA-F]{{2}}:)+(?=[0a-fA-F]{{1,2}}:))?
      (?P<blob> (?:(?<![\w)\]])[+-])?(?<![\w$])(?=[\w$])(?=(?:[\w$]|{_GLUE}(?=[\w$]))*?0){_TOKEN} )
      (?P<more> (?::+(?:[\w$]*0[\w$]*(?:[-./~]+[\w$]+)*|[a-fA-F]{{2}}(?!\w)))* (?:\ [AP]M\b)? )
      (?:% | (?:(?<=0\.0)(?=[^()]*\))|(?<=\(0)(?=[^)]{{1,4}}\)))\ [KMGTP]?i?B\b)?   # in an aside, sizes have any unit
    | (?P<plain> {_TOKEN} )
    """
)
_NAME_AND_NUMBER = re.compile(r"((?:[^\W\d_]+\.)+)0|((?:[^\W\d_]+-)+)0\.0(?:\.0)?")
_WORDS = re.compile(
    rf"""(?x)
    (?P<keep> (?<!\S)(?:(?!(?:for|invalid|of|by|as|user|from|true|false|null|nil)\b)(?:[a-z]++|<\*>)[:;.]?(?!\S)\ ?)++ )   # as above
    | (?<![\w.-])(?:true|false|True|False|TRUE|FALSE)(?![\w-]|\.\w)
    | (?<![\w.-])(?:null|NULL|nil)(?![\w-]|\.\w|\ [a-z])
    | (?<==)None\b
    | (?P<quote> {_NOT_SAID} (?: (?<==)(?P<mark>["'])(?:(?!(?P=mark)).)*(?P=mark)
      | (?<![:\w])(?<!:\ )(?!^"[^"]*"\ [\w.-]+=)"(?![A-Z]{{3,7}}\ )(?=[^"]{{1,40}}")[^"\s]+(?:\ [^"\s]+){{0,2}}"(?![\w:]) )
      | (?=[»«“„‘])(?:»[^«»]{{1,80}}«|«[^«»]{{1,80}}»|“[^“”]{{1,80}}”|„[^„“]{{1,80}}“|‘[^‘’]{{1,80}}’) )
    | \b[A-Z]{{2,}}\(<\*>\)
    | (?<=[\s:=])[a-z]+(?:,[a-z]+)+(?![^\s)\]])
    | (?P<owner> (?<![\w.-])(?i:{_OWNER})=)[^\s,;:()\[\]{{}}"'|<>=]++(?![({{\[<>=])
    | (?P<user> \b(?:for|invalid|of|by|as)\ user\ )(?!(?:{_NO_USER})\b)[^\s,;:()\[\]{{}}"'|<>=]*[^\s,;:()\[\]{{}}"'|<>=.]
    | (?P<account> \b(?:for|by|of|as|user|from)\ )(?:{_ACCOUNT})\b(?![.-]\w)
    """
)
_SIGNS = ('"', "=", "(<*>)", " user ", "rue", "alse", "RUE", "ALSE", "null", "NULL", "nil", *"«»“„‘", *_ACCOUNT.split("|"))
"""One of these is in each text where `_WORDS` finds a word, but for its lists: what is added there is added here."""

_LIST = re.compile(",[a-z]")
SEPARATORS = r"\s*[,:;/.@#|_+-]*\s*"
_GLUED = re.compile(r"<\*>(?:(?:\s*|[,:;/.@#|_+-]+)<\*>)+")
_FOLD = re.compile(rf"<\*>(?:{SEPARATORS}<\*>)+")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")


def canonical(text: str) -> str:
    """The normal form that alone decides how a text is masked: `mask(canonical(x)) == mask(x)`, and `canonical` of it is itself.

    White space becomes single blanks. In each word (a run of letters and digits; `_` parts words) that holds a digit, letters
    followed by digits keep the letters (`eth17` is `eth0`), and every other word is `0` (`4711`, `3fa9c`, `0x1f`, `be12`: letters
    that are all hexadecimal tell nothing). At most 2048 characters come back; nothing after the first 64 Ki counts.
    """
    return " ".join(map(_SPELLINGS.__getitem__, text[:_LONGEST_RAW].translate(_ZEROS).split()))[:_LONGEST].rstrip()


class _Spellings(dict[str, str]):
    """The canonical spelling of each word between blanks, its digits zeros already; emptied when it is full."""

    def __missing__(self, word: str) -> str:
        spelt = _NUMBERED.sub(_spelt, word)
        if len(word) <= _LONGEST_KEPT:
            if len(self) >= _KNOWN_SPELLINGS:
                self.clear()
            self[word] = spelt
        return spelt


_SPELLINGS = _Spellings()


def mask(text: str) -> str:
    """The canonical text with numbers, ids, addresses, paths, dates, booleans, users and the like as `<*>`.

    A name that holds a digit and is no value (`ssh2`, `jk2_init()`) stays, in its canonical spelling; `wording.worded` gives
    its digits back.
    """
    return fold(unfolded(text))


def unfolded(text: str) -> str:
    """As `mask`, with `<*>` for each value of a list that has other separators than blanks."""
    return unfolded_canonical(canonical(text))


@lru_cache(maxsize=4096)
def unfolded_canonical(text: str) -> str:
    """As `unfolded`, for a text that is its canonical form already."""
    valued = _VALUES.sub(_value, text)
    if any([sign in valued for sign in _SIGNS]) or _LIST.search(valued):
        valued = _WORDS.sub(_word, valued)
    return _GLUED.sub(HOLE, valued)


def fold(text: str) -> str:
    """Runs of `<*>` as one: a list of addresses is one value, however long."""
    return _FOLD.sub(HOLE, text)


def mask_message(text: str) -> str:
    """As `mask`, and what stands in quotes as well: the identity of a message, not a text for people."""
    return mask(_QUOTED.sub(HOLE, canonical(text)))


def _spelt(found: re.Match[str]) -> str:
    return f"{found[1] or ''}0"


def _value(found: re.Match[str]) -> str:
    blob = found["blob"]
    if blob is None:
        return HOLE if found["keep"] is None and found["plain"] is None else found[0]
    if not found["more"] and (named := _NAME_AND_NUMBER.fullmatch(blob)):
        return f"{named[1] or named[2]}{HOLE}"
    return HOLE


def _word(found: re.Match[str]) -> str:
    if found["keep"] is not None:
        return found[0]
    if found["quote"] is not None:
        return f"{found['quote'][0]}{HOLE}{found['quote'][-1]}"
    return f"{found['owner'] or found['user'] or found['account'] or ''}{HOLE}"
