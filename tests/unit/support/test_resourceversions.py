"""The version that a Kubernetes write insists on."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.resourceversions import version_in_body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"metadata": {"resourceVersion": "7"}}, id="object"),
        pytest.param(
            {"kind": "DeleteOptions", "preconditions": {"resourceVersion": "7"}},
            id="precondition",
        ),
        pytest.param(
            [
                {"op": "add", "path": "/data/a", "value": "b"},
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
            ],
            id="json patch",
        ),
    ],
)
def test_version_is_found(body: object) -> None:
    assert version_in_body(json.dumps(body).encode()) == "7"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"k8s\x00\xff", id="protobuf"),
        pytest.param(b'{"metadata": {}}', id="object without"),
        pytest.param(b'[{"op": "remove", "path": "/data/a"}]', id="patch without"),
    ],
)
def test_a_body_without_a_version_has_none(body: bytes) -> None:
    assert version_in_body(body) is None


@given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(repr))
def test_no_body_is_too_strange(body: bytes | str) -> None:
    assert version_in_body(body.encode() if isinstance(body, str) else body) is None
