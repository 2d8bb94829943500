from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.domain.conditions import Condition
from vso_controller.domain.destination import Create, Nothing, Shape, plan
from vso_controller.domain.syncreason import (
    RULES,
    Observed,
    SyncReason,
    sync_reason,
)
from vso_controller.foundation.objects import (
    ObjectKey,
    ObservedSecret,
    OwnerReference,
)
from vso_controller.foundation.secret import Secret

DATA = {"password": b"s3cret"}
OWNER = OwnerReference(
    "secrets.hashicorp.com/v1beta1", "VaultStaticSecret", "db", "uid-of-db"
)
SIBLING = replace(OWNER, name="other", uid="uid-of-other")
SHAPE = Shape(
    key=ObjectKey("apps", "database"),
    owner=OWNER,
    create=True,
    labels={"team": "shop"},
    annotations={"note": "x"},
)
CONDITIONS = tuple(
    Condition(name, True, name) for name in ("SecretSynced", "Healthy", "Ready")
)


def digest(data: Mapping[str, bytes]) -> bytes:
    return hashlib.sha256(repr(sorted(data.items())).encode()).digest()


def created(shape: Shape) -> ObservedSecret:
    """Return the Secret of this shape, as it is when it was just created."""
    step = plan(shape.filled(Secret(DATA), digest(DATA)), None)
    assert isinstance(step, Create)
    return ObservedSecret(
        key=shape.key,
        uid="uid-1",
        resource_version="1",
        type=step.secret.type,
        digest=digest(DATA),
        data_keys=frozenset(DATA),
        labels=step.secret.labels,
        annotations=step.secret.annotations,
        owners=step.secret.owners,
    )


SECRET = created(SHAPE)
IN_STEP = Observed(
    is_known=False,
    generation=2,
    synced_generation=2,
    conditions=CONDITIONS,
    digest=digest(DATA),
    shape=SHAPE,
    secret=SECRET,
)


def with_secret(**changes: object) -> Observed:
    return replace(IN_STEP, secret=replace(SECRET, **changes))  # type: ignore[arg-type]


def with_shape(**changes: object) -> Observed:
    return replace(IN_STEP, shape=replace(SHAPE, **changes))  # type: ignore[arg-type]


def without(label: str) -> Observed:
    labels = {name: value for name, value in SECRET.labels.items() if name != label}
    return with_secret(labels=labels)


def test_resource_in_step_is_no_reason_to_ask() -> None:
    assert sync_reason(IN_STEP) is None


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        pytest.param(
            replace(IN_STEP, is_known=True), SyncReason.REFRESH, id="known already"
        ),
        pytest.param(
            replace(IN_STEP, synced_generation=0), SyncReason.INITIAL, id="never synced"
        ),
        pytest.param(
            replace(IN_STEP, generation=3), SyncReason.SPEC_CHANGED, id="newer spec"
        ),
        pytest.param(
            replace(IN_STEP, conditions=()), SyncReason.NOT_HEALTHY, id="no conditions"
        ),
        *(
            pytest.param(
                replace(
                    IN_STEP,
                    conditions=tuple(
                        replace(each, status=status) if each.type == name else each
                        for each in CONDITIONS
                    ),
                ),
                SyncReason.NOT_HEALTHY,
                id=f"{name} {status}",
            )
            for name in ("SecretSynced", "Healthy", "Ready")
            for status in (False, None)
        ),
        pytest.param(
            replace(IN_STEP, digest=b""), SyncReason.DIGEST_UNKNOWN, id="no digest"
        ),
        pytest.param(
            with_shape(create=False), SyncReason.NOT_WATCHED, id="a user's Secret"
        ),
        pytest.param(
            replace(IN_STEP, secret=None),
            SyncReason.DESTINATION_MISSING,
            id="no destination",
        ),
        pytest.param(
            with_secret(deleting=True),
            SyncReason.DESTINATION_MISSING,
            id="destination goes",
        ),
        pytest.param(
            with_secret(owners=(), labels={}), SyncReason.NOT_OWNED, id="no owner"
        ),
        pytest.param(
            with_secret(owners=(SIBLING,)), SyncReason.NOT_OWNED, id="a sibling's"
        ),
        pytest.param(
            with_secret(digest=b"another"), SyncReason.DATA_DRIFTED, id="other data"
        ),
        pytest.param(
            with_secret(type="example.com/db"), SyncReason.SHAPE_DRIFTED, id="type"
        ),
        pytest.param(without("team"), SyncReason.SHAPE_DRIFTED, id="label of the spec"),
        pytest.param(
            without("app.kubernetes.io/name"),
            SyncReason.SHAPE_DRIFTED,
            id="label of the owner",
        ),
        pytest.param(
            with_secret(annotations={}), SyncReason.SHAPE_DRIFTED, id="annotation"
        ),
        pytest.param(
            with_secret(owners=()), SyncReason.SHAPE_DRIFTED, id="owner reference"
        ),
        pytest.param(
            with_shape(labels={}), SyncReason.SHAPE_DRIFTED, id="label taken out"
        ),
    ],
)
def test_reason_to_ask(seen: Observed, reason: SyncReason) -> None:
    assert sync_reason(seen) is reason


def test_labels_and_annotations_of_others_are_no_reason() -> None:
    seen = with_secret(
        labels={**SECRET.labels, "theirs": "1"},
        annotations={**SECRET.annotations, "theirs": "1"},
    )

    assert sync_reason(seen) is None


def test_secret_that_upstream_left_is_no_reason() -> None:
    """It has no record of which labels are whose."""
    plain = replace(SHAPE, labels={}, annotations={})

    seen = replace(IN_STEP, shape=plain, secret=replace(created(plain), annotations={}))

    assert sync_reason(seen) is None


def test_order_of_the_reasons_is_their_precedence() -> None:
    assert [reason for reason, _ in RULES] == list(SyncReason)


SECRETS = st.none() | st.builds(
    replace,
    st.just(SECRET),
    type=st.sampled_from(["Opaque", "example.com/db"]),
    digest=st.sampled_from([digest(DATA), digest({}), b""]),
    labels=st.sampled_from([SECRET.labels, {}, {**SECRET.labels, "team": "other"}]),
    annotations=st.sampled_from([SECRET.annotations, {}, {"note": "y"}]),
    owners=st.sampled_from([(OWNER,), (), (SIBLING,), (SIBLING, OWNER)]),
    immutable=st.booleans(),
    deleting=st.booleans(),
)
SHAPES = st.builds(
    replace,
    st.just(SHAPE),
    create=st.booleans(),
    overwrite=st.booleans(),
    type=st.sampled_from(["Opaque", "example.com/db"]),
    labels=st.sampled_from([{}, {"team": "shop"}, None]),
    annotations=st.sampled_from([{}, {"note": "x"}, None]),
)


@given(secret=SECRETS, shape=SHAPES)
def test_who_is_adopted_would_not_be_written(
    secret: ObservedSecret | None, shape: Shape
) -> None:
    """Were Vault asked, and had it the data that the digest is of."""
    reason = sync_reason(replace(IN_STEP, shape=shape, secret=secret))

    nothing = plan(shape.filled(Secret(DATA), digest(DATA)), secret) == Nothing()
    watched = shape.create
    assert (reason is None) == (nothing and watched)
