"""What is gathered from a resource and what it refers to, in which order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vso_controller.api.v1beta1.secrettransformation import SecretTransformationSpec
from vso_controller.api.v1beta1.shared import Transformation, TransformationRef
from vso_controller.domain.reasons import Failure, Reason
from vso_controller.domain.transformation import (
    Recipe,
    Referred,
    recipe_of,
    recipe_of_all,
)
from vso_controller.foundation.objects import ObjectKey

OWNER = ObjectKey("apps", "db")
SHARED = ObjectKey("common", "shared")


def asked(**fields: Any) -> Transformation:  # noqa: ANN401 - as in a manifest
    return Transformation.model_validate_json(_json(fields), by_alias=True)


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()


def referred(
    key: ObjectKey = SHARED,
    *,
    reference: dict[str, Any] | None = None,
    **fields: Any,  # noqa: ANN401 - as in a manifest
) -> Referred:
    ref = {"name": key.name, "namespace": key.namespace} | (reference or {})
    return Referred(
        TransformationRef.model_validate_json(_json(ref), by_alias=True),
        key,
        SecretTransformationSpec.model_validate_json(_json(fields), by_alias=True),
    )


def made(
    transformation: Transformation, *others: Referred, exclude_raw: bool = False
) -> Recipe:
    recipe = recipe_of(OWNER, transformation, others, exclude_raw=exclude_raw)
    assert isinstance(recipe, Recipe), recipe
    return recipe


def refused(transformation: Transformation, *others: Referred) -> str:
    failure = recipe_of(OWNER, transformation, others, exclude_raw=False)
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.TRANSFORMATION_INVALID
    return failure.message


def templates(recipe: Recipe) -> list[tuple[str, str, str]]:
    return [(each.key, each.name, each.text) for each in recipe.templates]


T = {"text": "t"}
NAMED = {"name": "n", "text": "t"}


@pytest.mark.parametrize(
    ("transformation", "others", "expected"),
    [
        pytest.param(
            asked(templates={"b": T, "a": NAMED}),
            [],
            [("a", "n", "t"), ("b", "apps/db/b", "t")],
            id="own ones are called by resource and key",
        ),
        pytest.param(
            asked(),
            [referred(templates={"b": T, "a": NAMED})],
            [("a", "n", "t"), ("b", "common/shared/b", "t")],
            id="all of what is referred to",
        ),
        pytest.param(
            asked(),
            [
                referred(
                    reference={"templateRefs": [{"name": "a", "keyOverride": "x"}]},
                    templates={"a": T, "b": T},
                )
            ],
            [("x", "common/shared/a", "t")],
            id="one of them, under another key, though it has no name",
        ),
        pytest.param(
            asked(),
            [
                referred(
                    reference={"templateRefs": [{"name": "a"}]},
                    templates={"a": NAMED},
                    sourceTemplates=[{"text": "s"}, {"name": "lib", "text": "s"}],
                )
            ],
            [
                ("", "common/shared/0", "s"),
                ("", "lib", "s"),
                ("a", "n", "t"),
            ],
            id="source templates come along, and first",
        ),
        pytest.param(
            asked(templates={"x": {"name": "a", "text": "own"}}),
            [referred(templates={"a": T, "b": T})],
            [("b", "common/shared/b", "t"), ("x", "a", "own")],
            id="what is called like a key of theirs takes its place",
        ),
        pytest.param(
            asked(templates={"a": T}),
            [referred(templates={"a": NAMED})],
            [("a", "apps/db/a", "t"), ("a", "n", "t")],
            id="two for one key: the last one in order wins",
        ),
    ],
)
def test_templates_are_gathered_as_upstream_does(
    transformation: Transformation,
    others: list[Referred],
    expected: list[tuple[str, str, str]],
) -> None:
    assert templates(made(transformation, *others)) == expected


def test_templates_are_in_the_order_of_key_zero_name() -> None:
    recipe = made(asked(templates={"a": T, "a0": T, "a/": T, "Z": T}))

    assert [each.key for each in recipe.templates] == ["Z", "a/", "a0", "a"]


@pytest.mark.parametrize(
    ("transformation", "others", "told"),
    [
        pytest.param(
            asked(templates={"a": NAMED, "b": NAMED}),
            [],
            "the template n is there more than once",
            id="two of one name",
        ),
        pytest.param(
            asked(),
            [referred(), referred()],
            "SecretTransformation common/shared is there more than once",
            id="referred to twice",
        ),
        pytest.param(
            asked(),
            [referred(reference={"templateRefs": [{"name": "gone"}]})],
            "SecretTransformation common/shared has no template 'gone'",
            id="no such template",
        ),
        pytest.param(
            asked(includes=["("]),
            [],
            "includes: '(' is no regular expression (RE2): missing ): (",
            id="expression",
        ),
        pytest.param(
            asked(),
            [referred(excludes=["("])],
            "excludes: '(' is no regular expression (RE2): missing ): (",
            id="expression of theirs",
        ),
        pytest.param(
            asked(rename=[{"from": "a", "to": "b"}, {"from": "a", "to": "c"}]),
            [],
            "rename: from a is there more than once",
            id="renamed twice",
        ),
        pytest.param(
            asked(rename=[{"from": "a", "to": "c"}, {"from": "b", "to": "c"}]),
            [],
            "rename: to c is there more than once",
            id="one name for two",
        ),
        pytest.param(
            asked(templates={"c": T}, rename=[{"from": "a", "to": "c"}]),
            [],
            "rename: a template has the key 'c' already",
            id="the key of a template",
        ),
        pytest.param(
            asked(rename=[{"from": "a", "to": "_raw"}]),
            [],
            "rename: _raw is the name of the whole answer of Vault",
            id="the raw answer",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(
    transformation: Transformation, others: list[Referred], told: str
) -> None:
    assert refused(transformation, *others) == told


def test_all_that_is_wrong_is_told() -> None:
    message = refused(
        asked(templates={"a": NAMED, "b": NAMED}),
        referred(reference={"templateRefs": [{"name": "x"}, {"name": "y"}]}),
    )

    assert len(message.split("; ")) == 3


@pytest.mark.parametrize(
    ("reference", "includes", "excludes"),
    [
        ({}, ["a", "b"], ["x", "y"]),
        ({"ignoreIncludes": True}, ["a"], ["x", "y"]),
        ({"ignoreExcludes": True}, ["a", "b"], ["x"]),
    ],
    ids=["all", "no includes", "no excludes"],
)
def test_filters_are_those_of_all(
    reference: dict[str, Any], includes: list[str], excludes: list[str]
) -> None:
    recipe = made(
        asked(includes=["a"], excludes=["x"]),
        referred(reference=reference, includes=["b", "a"], excludes=["y", "x"]),
    )

    assert [each.text for each in recipe.filter.includes] == includes
    assert [each.text for each in recipe.filter.excludes] == excludes


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("here", [True, False, None])
def test_raw_is_left_out_where_either_says_so(
    *, everywhere: bool, here: bool | None
) -> None:
    recipe = made(asked(excludeRaw=here), exclude_raw=everywhere)

    assert recipe.exclude_raw is (everywhere or bool(here))


def test_whole_transformation_is_judged_with_all_that_it_has() -> None:
    spec = referred(templates={"a": T}, sourceTemplates=[{"text": "s"}]).spec

    recipe = recipe_of_all(SHARED, spec)

    assert isinstance(recipe, Recipe)
    assert len(recipe.templates) == 2
