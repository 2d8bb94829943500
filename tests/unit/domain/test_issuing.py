from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.domain.destination import Shape
from vso_controller.domain.issuing import (
    RULES,
    IssueReason,
    Observed,
    Question,
    issue_reason,
)
from vso_controller.foundation.objects import (
    ObjectKey,
    ObservedSecret,
    OwnerReference,
)

KEY = ObjectKey("apps", "db-secret")
SHAPE = Shape(key=KEY, owner=OwnerReference("v1", "Kind", "db", "uid"), create=True)
SECRET = ObservedSecret(KEY, "uid-of-secret", "1", "Opaque", b"data")
IN_STEP = Observed(
    generation=3,
    synced_generation=2,
    asked=b"question",
    question=b"question",
    transformed_by=b"transformation",
    transformation=b"transformation",
    digest=b"data",
    shape=SHAPE,
    secret=SECRET,
)
OF_UPSTREAM: dict[str, Any] = {"asked": b"", "transformed_by": b"", "digest": b""}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({}, None, id="an edit of something else"),
        pytest.param({"synced_generation": 0}, IssueReason.INITIAL, id="new"),
        pytest.param(
            {"question": b"other"}, IssueReason.REQUEST_CHANGED, id="another question"
        ),
        pytest.param(
            {"transformation": b"other"},
            IssueReason.TRANSFORMATION_CHANGED,
            id="another transformation",
        ),
        pytest.param({"secret": None}, IssueReason.DESTINATION_MISSING, id="no Secret"),
        pytest.param(
            {"secret": replace(SECRET, deleting=True)},
            IssueReason.DESTINATION_MISSING,
            id="a Secret on its way out",
        ),
        pytest.param(
            {"secret": replace(SECRET, type="other")},
            IssueReason.DESTINATION_MISSING,
            id="a Secret that has to be replaced",
        ),
        pytest.param(
            {"secret": replace(SECRET, digest=b"other")},
            IssueReason.DATA_DRIFTED,
            id="a write that did not land",
        ),
        pytest.param(
            OF_UPSTREAM | {"synced_generation": 3}, None, id="taken over from upstream"
        ),
        pytest.param(
            OF_UPSTREAM,
            IssueReason.REQUEST_CHANGED,
            id="edited between upstream and this",
        ),
    ],
)
def test_reason_to_issue(changes: dict[str, Any], reason: IssueReason | None) -> None:
    assert issue_reason(replace(IN_STEP, **changes)) is reason


def test_every_reason_has_its_rule() -> None:
    assert [reason for reason, _ in RULES] == list(IssueReason)


TEXTS = st.text(max_size=5)
QUESTIONS = st.builds(
    Question,
    auth=TEXTS,
    namespace=TEXTS.map(lambda text: text.strip("/")),
    mount=TEXTS.map(lambda text: text.strip("/")),
    path=TEXTS.map(lambda text: text.strip("/")),
    method=st.sampled_from(["GET", "PUT"]),
    params=st.dictionaries(TEXTS, TEXTS, max_size=3),
)


@given(QUESTIONS, QUESTIONS)
def test_two_questions_have_the_same_parts_if_they_are_the_same(
    one: Question, other: Question
) -> None:
    assert (one.parts() == other.parts()) is (one == other)


def test_slashes_at_the_ends_are_the_same_question() -> None:
    plain = Question(auth="", namespace="", mount="db", path="a/b", method="GET")

    slashed = replace(plain, mount="/db/", path="/a/b", namespace="/")

    assert slashed.parts() == plain.parts()
