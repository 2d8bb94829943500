"""Breaking text into lines at spaces. Widths are in bytes, as all of Sprig's."""

from __future__ import annotations

from collections.abc import Iterator

from vso_controller.templating.functions.paying import reading
from vso_controller.templating.registry import Environment
from vso_controller.templating.values import raw, text

_SPACE = b" "


@reading("wrap", "(int, string) string", environment=True)
def wrap(run: Environment, width: int, string: str) -> str:
    """Return the text in lines of at most so many bytes; long words stay whole."""
    return _wrapped(run, string, width, "", breaks_words=False)


@reading("wrapWith", "(int, string, string) string", environment=True)
def wrap_with(run: Environment, width: int, separator: str, string: str) -> str:
    """Return the text in pieces of at most so many bytes, long words broken too."""
    return _wrapped(run, string, width, separator, breaks_words=True)


def _wrapped(
    run: Environment, string: str, width: int, separator: str, *, breaks_words: bool
) -> str:
    data, between = raw(string), raw(separator) or b"\n"
    width = max(width, 1)
    # A line takes a few steps of Python, and there may be one for each byte.
    run.budget.work((len(data) // width + 1) * (len(between) + 64))
    return text(between.join(_lines(data, width, breaks_words=breaks_words)))


def _lines(data: bytes, width: int, *, breaks_words: bool) -> Iterator[bytes]:
    start = 0
    while len(data) - start > width:
        if data[start : start + 1] == _SPACE:
            start += 1
            continue
        end = data.rfind(_SPACE, start, start + width + 1)
        if end < 0 and breaks_words:
            yield data[start : start + width]
            start += width
            continue
        end = data.find(_SPACE, start + width) if end < 0 else end
        if end < 0:
            break
        yield data[start:end]
        start = end + 1
    yield data[start:]


FUNCTIONS = (wrap, wrap_with)
