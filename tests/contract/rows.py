"""Rows of the contract that only one side can show, each with its reason."""

from __future__ import annotations

import os

import pytest

CLUSTER = os.environ.get("CLUSTER", "embedded")


def embedded_only(reason: str) -> pytest.MarkDecorator:
    """Mark what the real API server at hand cannot show."""
    return pytest.mark.skipif(CLUSTER != "embedded", reason=reason)


def real_only(reason: str) -> pytest.MarkDecorator:
    """Mark what devcluster does not do."""
    return pytest.mark.skipif(CLUSTER == "embedded", reason=reason)
