"""URLs as dictionaries of their parts."""

from __future__ import annotations

from vso_controller.templating.errors import FunctionError
from vso_controller.templating.functions.addresses import (
    Address,
    MalformedURL,
    parse_url,
)
from vso_controller.templating.functions.paying import BY_LETTER, reading
from vso_controller.templating.values import kind_of

_PARTS = ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo")


@reading("urlParse", "(string) map[string]any", weight=BY_LETTER)
def url_parse(url: str) -> dict[str, object]:
    """Return the parts of a URL: scheme, userinfo, host, hostname, path, query, ..."""
    address = _parsed(url)
    return {
        "scheme": address.scheme,
        "host": address.host,
        "hostname": address.hostname,
        "path": address.path,
        "query": address.query,
        "opaque": address.opaque,
        "fragment": address.fragment,
        "userinfo": str(address.user or ""),
    }


@reading("urlJoin", "(map[string]any) string", weight=BY_LETTER)
def url_join(parts: dict[str, object]) -> str:
    """Return the URL that has these parts."""
    texts = {name: _part(parts, name) for name in _PARTS}
    user = texts.pop("userinfo")
    parsed = _parsed(f"proto://{user}@host").user if user else None
    return str(Address(user=parsed, **texts))


def _parsed(url: str) -> Address:
    try:
        return parse_url(url)
    except MalformedURL as error:
        raise FunctionError(f"the URL is malformed: {error}") from None


def _part(parts: dict[str, object], name: str) -> str:
    part = parts.get(name, "")
    if not isinstance(part, str):
        raise FunctionError(f"{name} is of kind {kind_of(part)}, not a string")
    return str(part)


FUNCTIONS = (url_parse, url_join)
