"""N2 and N6: what was visible in a Secret, one version after the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.oracle.evidence import Evidence
from tests.support.oracle.fingerprints import Items
from tests.support.oracle.report import Invariant
from tests.unit.support.oracle.runs import (
    DESTINATION,
    NEW,
    OLD,
    SECRETS,
    SPEC,
    STATIC,
    found,
    resource,
    secret,
    with_acts,
    with_resources,
    with_secrets,
    write,
    written,
)

PATH = f"{SECRETS}/{DESTINATION.name}"
MIXED: Items = {**NEW, "password": OLD["password"]}
PART: Items = {"password": NEW["password"]}


def showing(items: Items, run: Evidence = STATIC) -> Evidence:
    """A run in which the controller writes once more, at 9 s."""
    act = write(9.0, "PATCH", PATH, base=13, version=20, items=items)
    return with_acts(with_secrets(run, secret(9.0, 20, items)), act)


def regressed(run: Evidence) -> list[str]:
    return found(Invariant.NO_REGRESSION, run)


def mixed(run: Evidence) -> list[str]:
    return found(Invariant.WHOLE_SECRETS, run)


def test_older_version_after_a_newer_one_is_a_regression() -> None:
    assert regressed(showing(OLD)) == [
        "Secret team/app-secret went back from version 2 of secret/team/app"
    ]


def test_same_version_again_is_no_regression() -> None:
    assert not regressed(showing(NEW))


def test_same_content_in_a_newer_version_is_no_regression() -> None:
    again = replace(STATIC, journal=(*STATIC.journal, written(8.5, 3, OLD)))

    assert not regressed(showing(OLD, again))


def test_older_version_for_a_new_generation_is_no_regression() -> None:
    pinned = resource(7.0, 19, generation=2, spec={**SPEC, "version": 1})

    assert not regressed(showing(OLD, with_resources(STATIC, pinned)))


@pytest.mark.parametrize(
    "items",
    [
        pytest.param(MIXED, id="of two versions"),
        pytest.param(PART, id="a part of one"),
        pytest.param({}, id="nothing"),
        pytest.param({**NEW, "more": "hash"}, id="more than one has"),
    ],
)
def test_content_that_vault_never_held_is_told(items: Items) -> None:
    assert len(mixed(showing(items))) == 1


def test_what_others_write_is_theirs() -> None:
    by_hand = with_secrets(STATIC, secret(9.0, 20, MIXED), secret(9.5, 21, OLD))

    assert not mixed(by_hand)
    assert not regressed(by_hand)


def test_write_without_an_answer_is_known_by_its_content() -> None:
    act = write(9.0, "PATCH", PATH, base=13, status=None, items=MIXED)
    seen = with_secrets(STATIC, secret(9.1, 20, MIXED))

    assert mixed(with_acts(seen, act))
    assert not mixed(with_acts(seen, replace(act, status=409)))


def test_creation_without_an_answer_is_known_by_its_content() -> None:
    act = write(9.0, "POST", SECRETS, status=None, items=MIXED)

    assert mixed(with_acts(with_secrets(STATIC, secret(9.1, 20, MIXED)), act))


def test_content_that_is_not_modelled_is_not_judged() -> None:
    transformed = {**SPEC["destination"], "transformation": {"excludeRaw": True}}
    spec = {**SPEC, "destination": transformed}
    resources = (resource(2.0, 10, spec=spec),)

    assert not mixed(replace(showing(PART), resources=resources))
    assert not mixed(replace(showing(PART), journal=()))
