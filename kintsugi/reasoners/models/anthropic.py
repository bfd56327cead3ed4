"""The reasoner that asks a model over the Messages API: Anthropic's, or any endpoint that speaks it (`ANTHROPIC_BASE_URL`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, cast

from httpx2 import create_ssl_context

from kintsugi.reasoners import Given
from kintsugi.reasoners.models.host import Headless
from kintsugi.reasoners.models.messages import Json, Message, Prompt, TooLong, Usage
from kintsugi.reasoners.models.roles import Roles
from kintsugi.reasoners.models.settings import Settings
from mcp_servers.kit.errors import KintsugiError, Misconfigured, Unavailable

if TYPE_CHECKING:
    from anthropic import APIError, AsyncAnthropic
    from anthropic.types import Message as Answer

NAME = "anthropic"
KEY, BASE_URL, MODEL = "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "KINTSUGI_MODEL"
_PUBLIC = "https://api.anthropic.com"
_CACHED = {"cache_control": {"type": "ephemeral"}}
_LENGTHS = ("too long", "context", "maximum")


def reasoner(given: Given) -> Roles:
    """The reasoner that the environment and `[models.anthropic]` describe; raises `Misconfigured` without a key, a model or the package."""
    settings, environ = Settings.of(NAME, given.settings), given.deps.environ
    key, model = environ.get(KEY, ""), environ.get(MODEL) or settings.model
    if not key:
        raise Misconfigured(
            f"The reasoner {NAME!r} needs {KEY}; set it, or take {NAME!r} out of `reasoners` in kintsugi.toml.", code="no_key"
        )
    if not model:
        raise Misconfigured(
            f"The reasoner {NAME!r} needs the name of a model; write `model = …` under [models.{NAME}] in kintsugi.toml, or set {MODEL}.",
            code="no_model",
        )
    return Roles(given, Headless(given, Messages(key, environ.get(BASE_URL) or _PUBLIC, model, settings), settings))


class Messages:
    """A model behind the Messages API. Overload and errors of the server are tried again with growing pauses; the key goes nowhere else."""

    name = NAME

    def __init__(self, key: str, url: str, model: str, settings: Settings) -> None:
        self._key = key
        self._url = url
        self._model = model
        self._settings = settings

    async def answer(self, prompt: Prompt, messages: Sequence[Json], most: int) -> Message:
        """See `Model`."""
        client = self._client()
        from anthropic import APIError

        request: dict[str, Any] = {
            "model": self._model,
            "max_tokens": most,
            "system": [{"type": "text", "text": prompt.system, **_CACHED}],
            "tools": list(prompt.tools),
            "messages": list(messages),
        }
        async with client:
            for last in (False, True):
                try:
                    answer = cast("Answer", await client.messages.create(**request))
                    return _message(answer.to_dict())
                except APIError as error:
                    raise self._error(error) from error
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    if last:
                        raise Unavailable(f"{self._url} answered with what is no message, twice.", code="bad_answer") from error
        raise AssertionError("the second round returns or raises")

    @cached_property
    def _tls(self) -> SSLContext:
        """Read from disk once: it costs more than the question."""
        return create_ssl_context()

    def _client(self) -> AsyncAnthropic:
        try:
            from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
        except ModuleNotFoundError as missing:
            raise Misconfigured(
                "The reasoner 'anthropic' needs the package 'anthropic'; install it with `pip install 'kintsugi[anthropic]'`.",
                code="missing_package",
            ) from missing
        http = DefaultAsyncHttpxClient(verify=self._tls, base_url=self._url, timeout=float(self._settings.timeout))
        return AsyncAnthropic(api_key=self._key, base_url=self._url, max_retries=self._settings.retries, http_client=http)

    def _error(self, error: APIError) -> KintsugiError | TooLong:
        status = getattr(error, "status_code", 0)
        said = _said(error)
        if status in {400, 413} and any(word in said.lower() for word in _LENGTHS):
            return TooLong(said)
        if status in {401, 403}:
            return Misconfigured(f"{self._url} does not accept {KEY} ({status}); set a valid key.", code="bad_key")
        if status == 404:
            return Misconfigured(f"{self._url} knows no model {self._model!r}; name another under [models.{NAME}].", code="bad_model")
        if 400 <= status < 429 and status != 408:
            return Misconfigured(f"{self._url} refused the request ({status}): {said}", code="bad_request")
        tries = self._settings.retries + 1
        what = f"answered {status}" if status else "did not answer"
        return Unavailable(
            f"The model at {self._url} {what} in {tries} tries ({said}); the next `kintsugi heal` goes on from here.", code="model_away"
        )


def _said(error: APIError) -> str:
    """The endpoint's own sentence, where it gave one."""
    body: Any = error.body
    try:
        sentence = body["error"]["message"]
    except (TypeError, KeyError):
        sentence = error.message
    return " ".join(str(sentence).split())[:300]


def _message(told: Mapping[str, Any]) -> Message:
    content = [_sent_back(block) for block in told["content"]]
    return Message(str(told["id"]), content or [{"type": "text", "text": "(nothing)"}], Usage.of(told["usage"]))


def _sent_back(block: Mapping[str, Any]) -> Json:
    """The block as it may be sent back: without what only the server says, which other endpoints refuse."""
    return {key: value for key, value in block.items() if value is not None}
