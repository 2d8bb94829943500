"""Answers: bytes, documents and refusals as HTTP responses."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from devcluster.objects.json import Object, encode

JSON_TYPE = "application/json"


def answer_bytes(
    body: bytes, *, status: int = 200, warnings: Sequence[str] = ()
) -> web.Response:
    """Answer with JSON that is encoded already."""
    response = web.Response(body=body, status=status, content_type=JSON_TYPE)
    for warning in warnings:
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response


def answer_json(value: Object, *, status: int = 200) -> web.Response:
    """Answer with a document."""
    return answer_bytes(encode(value), status=status)
