"""Edits that make the program less safe: they may be the right remedy, so they are not refused, but a person must hear of them in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mcp_servers.fixes.model import Finding
from mcp_servers.fixes.policy.difference import Difference, is_test


@dataclass(frozen=True, slots=True)
class Weakening:
    """A shape that speaks of less safety when there is more (`added`) or less (`removed`) of it than before."""

    code: str
    text: str
    added: re.Pattern[str] | None = None
    removed: re.Pattern[str] | None = None


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.I | re.M)


_OFF = r"[\"']?\s*(?:=>|[=:,])\s*[\"']?(?:false|no|off|none|null|nil|0)\b"
_ON = r"[\"']?\s*(?:=>|[=:,])\s*[\"']?(?:true|yes|on|1|all)\b"

WEAKENINGS: tuple[Weakening, ...] = (
    Weakening(
        "tls_off",
        "The change turns the check of certificates off.",
        _any(
            rf"\b(?:verify|verify_ssl|ssl_verify|tls_verify|ssl_verifypeer|verify_peer(?:_name)?|strict-?ssl|check_hostname|validate_certs|verify_certs|ssl){_OFF}",
            r"\bCERT_NONE\b", r"_create_unverified_context", r"_create_default_https_context", rf"rejectUnauthorized{_OFF}",
            r"NODE_TLS_REJECT_UNAUTHORIZED", r"InsecureSkipVerify[\"']?\s*[:=]\s*true", rf"CURLOPT_SSL_VERIFY(?:PEER|HOST){_OFF}",
            r"sslmode\s*[=:]\s*[\"']?(?:disable|allow|prefer)\b", r"(?:curl|wget)\b[^\n]*\s(?:-k|--insecure|--no-check-certificate)\b",
            r"VERIFY_NONE", r"TrustAll|ALLOW_ALL_HOSTNAME|NoopHostnameVerifier", r"danger_accept_invalid_certs", r"disable_warnings\(",
            r"http\.sslVerify\s*[= ]\s*false", r"PYTHONHTTPSVERIFY",
        ),
    ),
    Weakening(
        "exec_added",
        "The change runs commands, or code made from data.",
        _any(
            r"\bshell\s*=\s*True\b", r"(?<![\w.])(?:eval|exec|execfile|__import__)\s*\(", r"\bos\.(?:system|popen|exec\w+|spawn\w+)\s*\(",
            r"\bsubprocess\.\w+\s*\(", r"\b(?:pickle|cPickle|marshal|dill|shelve|jsonpickle)\.(?:loads?|open|decode)\s*\(",
            r"\byaml\.(?:unsafe_load|full_load|load\((?![^)\n]*Safe))", r"\bimport_module\s*\(", r"\bbuiltins\b", r"\bgetattr\(\s*os\b",
            r"\bchild_process\b", r"\bnew\s+Function\s*\(", r"\bvm\.run\w*\(", r"\b(?:shell_exec|passthru|proc_open|popen|system|assert)\s*\(\s*[\"'$]",
            r"Runtime\.getRuntime\(\)\.exec", r"\bProcessBuilder\b", r"\bexec\.Command\s*\(", r"\bProcess\.Start\b", r"\bunserialize\s*\(",
            r"\bctypes\.", r"\b(?:Marshal|YAML)\.load\b", r"\bObjectInputStream\b", r"(?:curl|wget)\b[^\n|]*\|\s*(?:ba|z|da)?sh\b", r"\bimp\.load_",
            r"\bcode\.interact\b", r"\bcompile\s*\([^)\n]*[\"']exec[\"']",
        ),
    ),
    Weakening(
        "errors_hidden",
        "The change catches every error and says nothing.",
        _any(
            r"except\s*(?:\(?\s*(?:Base)?Exception\b[^:\n]*)?:\s*(?:#[^\n]*)?\n?\s*(?:pass\b|\.\.\.|continue\b|return(?:\s+(?:None|True|False|\"\"|''|\[\]|\{\}|0))?\s*$)",
            r"suppress\(\s*(?:Base)?Exception\b", r"catch\s*(?:\([^)\n]*\))?\s*\{\s*(?://[^\n]*)?\s*\}", r"\.catch\(\s*(?:\(\w*\)|\w+)\s*=>\s*(?:\{\s*\}|null|undefined)\s*\)",
            r"\brescue\s+(?:nil|=>\s*\w+\s*\n?\s*end)\b", r"rescue\s+Exception\b", r"error_reporting\(\s*0", r"\bOn Error Resume Next\b", r"set \+e\b", r"\|\|\s*true\s*$",
        ),
    ),
    Weakening(
        "logging_off",
        "The change removes or silences the record of errors.",
        _any(
            r"logging\.disable\(", rf"\bdisable_existing_loggers{_ON}", r"setLevel\(\s*(?:logging\.)?(?:CRITICAL|FATAL|NOTSET|[\"']off)",
            r"\.disabled\s*=\s*True\b", r"\blog(?:ger)?\.(?:silent|silence)\b",
        ),
        _any(
            r"\blog(?:ger|ging)?s?\.(?:error|exception|warn(?:ing)?|critical|fatal)\b", r"\bcapture_?(?:exception|message)\b", r"console\.(?:error|warn)\b",
            r"\berror_log\(", r"\braise\b(?!\s+\w*NotImplemented)", r"\baudit\w*\(",
        ),
    ),
    Weakening(
        "debug_on",
        "The change turns a debugging mode on.",
        _any(
            rf"\b(?:\w+_)?debug(?:_mode)?{_ON}", rf"display_errors{_ON}", rf"PROPAGATE_EXCEPTIONS{_ON}", rf"use_(?:debugger|evalex){_ON}",
            r"\b(?:pdb|ipdb)\.set_trace\(", r"\bbreakpoint\(\)", r"FLASK_ENV[\"']?\s*[=:]\s*[\"']?development", r"\bdebugger;",
        ),
    ),
    Weakening(
        "open_permissions",
        "The change lets everybody on the machine read or write.",
        _any(
            r"\b0?o?(?:777|666|0777|0666|1777)\b(?=\s*[),;\"'\n]|$)", r"chmod\b[^\n]*(?:777|666|[ao]\+\w*[wx])", r"umask\(\s*0+\)", r"\bS_IRWXO\b|\bS_IWOTH\b",
            r"setfacl|chown\b[^\n]*nobody", r"privileged[\"']?\s*[:=]\s*true", r"runAsUser[\"']?\s*:\s*0\b", r"allowPrivilegeEscalation[\"']?\s*:\s*true", r"\bsudo\b|NOPASSWD",
        ),
    ),
    Weakening(
        "cors_any",
        "The change lets pages of any origin or host in.",
        _any(
            r"Access-Control-Allow-Origin[^\n]*\*", r"\ballow(?:ed)?_?origins?\b[^\n]*[\"']\*", rf"CORS_(?:ORIGIN_)?ALLOW_ALL(?:_ORIGINS)?{_ON}",
            r"\borigins?[\"']?\s*[:=]\s*\[?\s*(?:[\"']\*|true\b)", r"ALLOWED_HOSTS[^\n]*[\"']\*", r"\bcors\(\s*\)", r"AllowAnyOrigin|AllowAllOrigins", r"frame-ancestors \*",
            r"allow_origin_regex[^\n]*\.\*",
        ),
    ),
    Weakening(
        "csrf_off",
        "The change takes a protection against forged or injected requests away.",
        _any(
            r"csrf_exempt", rf"csrf(?:_?\w+)?{_OFF}", r"csrf\b[^\n]{0,20}\.?disable\b", r"skip_before_action\s+:verify_authenticity", r"skip_forgery_protection",
            r"\|\s*safe\b", r"\bmark_safe\(", r"\bautoescape[\"']?\s*[=:]?\s*(?:false|off)", r"dangerouslySetInnerHTML", r"\.innerHTML\s*=", r"\bv-html\b", r"\bIgnoreAntiforgery",
        ),
        _any(r"csrf", r"X-?Frame-?Options", r"Content-Security-Policy", r"SecurityMiddleware", r"helmet\("),
    ),
    Weakening(
        "cookie_open",
        "The change makes a session cookie easier to steal.",
        _any(rf"\b(?:\w*cookie\w*_)?(?:secure|http_?only){_OFF}", r"samesite[\"']?\s*[=:]\s*[\"']?none\b"),
        _any(rf"\b(?:secure|http_?only){_ON}"),
    ),
    Weakening(
        "auth_removed",
        "The change removes or loosens a check of who asks or what may be done.",
        _any(
            r"\bAllowAny\b", r"\bpermitAll\b", r"\bAllowAnonymous\b", r"\bis_(?:admin|superuser|staff|authenticated)[\"']?\s*=\s*True\b", r"\bauthenticated\s*=\s*true\b",
            r"algorithms?[\"']?\s*[=:]\s*\[?\s*[\"']none", r"verify_(?:signature|exp|aud|iss)[\"']?\s*[:=]\s*False", r"\b(?:skip|disable|bypass|no)_?auth\w*\b",
            r"(?:if|and|or|\|\||&&)\s*\(?\s*(?:True|1\s*==\s*1)\b", r"auth(?:entication|orization)?(?:_required|_enabled)?[\"']?\s*[=:]\s*(?:False|off|none|disabled)\b",
            r"\bGRANT\s+ALL\b", r"permission_classes\s*=\s*[\[(]\s*[\])]", r"\btrust\b\s*$", r"PasswordAuthentication\s+yes|PermitRootLogin\s+yes",
        ),
        _any(
            r"@\w*(?:login|auth\w*|permission|admin|role|scope|token)s?_?required", r"@(?:login|requires?|authorize|permission|secured|PreAuthorize|roles)\w*",
            r"\b(?:is_)?(?:authenticated|authori[sz]ed)\b", r"\b(?:authenticate|authori[sz]e|has_perm\w*|check_perm\w*|check_password\w*|verify_\w+|require_\w+|compare_digest|hash_equals|can\?)\b",
            r"\babort\(\s*(?:401|403)", r"\b(?:Permission|Authori[sz]ation|Forbidden|Unauthori[sz]ed)\w*(?:Error|Exception|Denied)?\b", r"\bis_(?:admin|staff|superuser|owner)\b",
            r"permission_classes|IsAuthenticated|IsAdmin", r"\b(?:401|403)\b", r"before_action\s+:authenticate", r"\b(?:sanitize|escape|quote|validate)\w*\(", r"\brate_?limit\w*",
        ),
    ),
    Weakening(
        "weak_crypto",
        "The change uses a broken cipher or hash.",
        _any(r"\b(?:hashlib\.|Digest::|crypto\.createHash\(\s*[\"'])?(?:md5|sha1)\b\s*[(\"']", r"\bMODE_ECB\b", r"/ECB/", r"\b(?:DES|RC4|ARC4)\.new\b", r"\brandom\.(?:choice|randint|random)\([^\n]*(?:token|password|secret)"),
    ),
    Weakening(
        "query_from_text",
        "The change makes a database query out of text; bind the values instead.",
        _any(
            r"(?-i:\b(?:execute|executemany|raw|query|text)\s*\(\s*f)[\"']", r"[\"']\s*(?-i:SELECT|INSERT|UPDATE|DELETE|DROP)\b[^\"'\n]*[\"']\s*(?:%(?!\s*s)|\+|\.format)",
            r"\bf[\"']+\s*(?-i:SELECT|INSERT INTO|UPDATE|DELETE FROM|DROP)\b[^\n]*\{", r"\b(?-i:DROP|TRUNCATE)\s+(?:TABLE|DATABASE)\b", r"`\s*(?-i:SELECT|INSERT|UPDATE|DELETE)\b[^`\n]*\$\{",
        ),
    ),
    Weakening(
        "listens_openly",
        "The change serves on every address of the machine.",
        _any(r"[\"'=\s:]0\.0\.0\.0\b", r"host[\"']?\s*[=:]\s*[\"']::[\"']", r"INADDR_ANY", r"bind[\"']?\s*[=:]\s*[\"']?\*"),
    ),
    Weakening(
        "scanner_silenced",
        "The change tells a scanner or a test to look away.",
        _any(
            r"#\s*nosec\b", r"#\s*noqa:?\s*S\d", r"\bnosemgrep\b", r"eslint-disable", r"@SuppressWarnings", r"\bNOSONAR\b", r"#nosec", r"//\s*nolint", r"codeql\[", r"pragma:\s*no cover",
            r"#\s*pylint:\s*disable",
        ),
    ),
)  # fmt: skip


def findings(difference: Difference, test_path: str) -> Iterator[Finding]:
    """What the added and removed lines of a file that something runs say. In a test only commands count: it runs wherever tests run."""
    if difference.prose:
        return
    test = is_test(difference.path)
    for weakening in WEAKENINGS:
        if test and (weakening.code != "exec_added" or difference.path == test_path):
            continue
        if line := _grew(weakening.added, difference):
            yield difference.elevate(weakening.code, weakening.text, line)
        elif weakening.removed and _shrank(weakening.removed, difference):
            yield difference.elevate(weakening.code, weakening.text)


def _grew(pattern: re.Pattern[str] | None, difference: Difference) -> int:
    """The line (at least 1) where there is more of it than before, or 0."""
    if pattern is None:
        return 0
    gone = [_squeezed(found[0]) for found in pattern.finditer(difference.removed_text)]
    for found in pattern.finditer(difference.added_text):
        if _squeezed(found[0]) in gone:
            gone.remove(_squeezed(found[0]))
        else:
            return difference.line_of(found[0]) or 1
    return 0


def _shrank(pattern: re.Pattern[str], difference: Difference) -> bool:
    return len(pattern.findall(difference.removed_text)) > len(pattern.findall(difference.added_text))


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()
