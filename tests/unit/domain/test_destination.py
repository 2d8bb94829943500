from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vso_controller.domain.destination import (
    MANAGED_METADATA,
    Create,
    Desired,
    Kept,
    Nothing,
    Plan,
    Replace,
    Update,
    lasting_data,
    plan,
)
from vso_controller.domain.ownership import (
    OWNER_LABELS,
    OWNER_UID_LABEL,
    owner_labels,
)
from vso_controller.domain.reasons import Failure, Reason
from vso_controller.foundation.objects import (
    NewSecret,
    ObjectKey,
    ObservedSecret,
    OwnerReference,
    SecretPatch,
)
from vso_controller.foundation.secret import Secret

KEY = ObjectKey("apps", "database")
OWNER = OwnerReference(
    "secrets.hashicorp.com/v1beta1", "VaultStaticSecret", "db", "uid-of-db"
)
SIBLING = OwnerReference(
    "secrets.hashicorp.com/v1beta1", "VaultStaticSecret", "other", "uid-of-other"
)
DEPLOYMENT = OwnerReference("apps/v1", "Deployment", "web", "uid-of-web")


def digest(data: Mapping[str, bytes]) -> bytes:
    return hashlib.sha256(repr(sorted(data.items())).encode()).digest()


def desired(data: Mapping[str, bytes] | None = None) -> Desired:
    data = {"password": b"s3cret"} if data is None else data
    return Desired(
        key=KEY, owner=OWNER, data=Secret(dict(data)), digest=digest(data), create=True
    )


def created(secret: NewSecret) -> ObservedSecret:
    data = secret.data.reveal()
    return ObservedSecret(
        key=secret.key,
        uid="uid-1",
        resource_version="1",
        type=secret.type,
        digest=digest(data),
        data_keys=frozenset(data),
        labels=secret.labels,
        annotations=secret.annotations,
        owners=secret.owners,
    )


def patched(observed: ObservedSecret, patch: SecretPatch) -> ObservedSecret:
    keys = observed.data_keys - patch.removed_keys
    after = replace(
        observed,
        resource_version="2",
        labels=overlaid(observed.labels, patch.labels),
        annotations=overlaid(observed.annotations, patch.annotations),
        owners=observed.owners if patch.owners is None else patch.owners,
    )
    if patch.data is None:
        return after
    data = patch.data.reveal()
    # What was neither set nor dropped stays, and then the digest is another.
    stays = dict.fromkeys(keys - data.keys(), b"left behind")
    return replace(
        after, digest=digest({**stays, **data}), data_keys=frozenset(data) | keys
    )


def overlaid(
    observed: Mapping[str, str], changes: Mapping[str, str | None]
) -> dict[str, str]:
    result = {**observed, **changes}
    return {name: value for name, value in result.items() if value is not None}


def applied(step: Plan, observed: ObservedSecret | None) -> ObservedSecret:
    match step:
        case Create(secret) | Replace(_, secret):
            return created(secret)
        case Update(patch):
            assert observed is not None
            return patched(observed, patch)
        case _:
            assert observed is not None
            return observed


def in_order(wanted: Desired) -> ObservedSecret:
    return applied(plan(wanted, None), None)


def test_missing_secret_is_created_with_our_marks() -> None:
    wanted = replace(desired(), labels={"app": "web"}, annotations={"team": "db"})

    step = plan(wanted, None)

    assert isinstance(step, Create)
    assert step.secret.labels == {"app": "web", **owner_labels(OWNER.uid)}
    assert step.secret.annotations["team"] == "db"
    assert step.secret.owners == (OWNER,)
    assert step.secret.type == "Opaque"


def test_owner_labels_win_over_those_of_the_spec() -> None:
    wanted = replace(desired(), labels={OWNER_UID_LABEL: "forged"})

    step = plan(wanted, None)

    assert isinstance(step, Create)
    assert step.secret.labels[OWNER_UID_LABEL] == OWNER.uid


def test_secret_in_order_is_left_alone() -> None:
    assert plan(desired(), in_order(desired())) == Nothing()


def test_changed_value_replaces_the_whole_data() -> None:
    before = in_order(desired({"user": b"a", "stale": b"b"}))

    step = plan(desired({"user": b"z"}), before)

    assert isinstance(step, Update)
    assert step.patch.data == Secret({"user": b"z"})
    assert step.patch.removed_keys == {"stale"}
    assert step.patch.resource_version == before.resource_version
    assert step.patch.labels == {}


def test_label_edited_by_hand_is_put_back_and_foreign_ones_stay() -> None:
    wanted = replace(desired(), labels={"app": "web"})
    edited = replace(
        in_order(wanted), labels={"app": "evil", "x": "y", **owner_labels(OWNER.uid)}
    )

    step = plan(wanted, edited)

    assert isinstance(step, Update)
    assert step.patch.labels == {"app": "web"}
    assert step.patch.data is None


def test_label_taken_out_of_the_spec_is_removed() -> None:
    before = in_order(replace(desired(), labels={"app": "web", "tier": "db"}))

    step = plan(replace(desired(), labels={"app": "web"}), before)

    assert isinstance(step, Update)
    assert step.patch.labels == {"tier": None}


def test_record_of_our_metadata_goes_with_the_last_of_it() -> None:
    before = in_order(replace(desired(), annotations={"team": "db"}))

    step = plan(desired(), before)

    assert isinstance(step, Update)
    assert step.patch.annotations == {"team": None, MANAGED_METADATA: None}


def test_missing_record_alone_is_no_reason_to_write() -> None:
    wanted = replace(desired(), labels={"app": "web"})
    without_record = replace(in_order(wanted), annotations={})

    assert plan(wanted, without_record) == Nothing()


@pytest.mark.parametrize(
    "record", ["{", "[]", '{"labels": {"a": 1}}', '{"labels":[1]}']
)
def test_spoilt_record_removes_nothing(record: str) -> None:
    wanted = replace(desired(), labels={"app": "web"})
    spoilt = replace(
        in_order(wanted),
        annotations={MANAGED_METADATA: record},
        labels={**in_order(wanted).labels, "theirs": "1"},
    )

    assert plan(wanted, spoilt) == Nothing()


@pytest.mark.parametrize(
    ("labels", "owners"),
    [
        pytest.param({}, (OWNER,), id="labels lost"),
        pytest.param(owner_labels(OWNER.uid), (), id="owner reference lost"),
        pytest.param(owner_labels(OWNER.uid), (DEPLOYMENT,), id="foreign owner added"),
    ],
)
def test_secret_that_lost_one_of_our_marks_is_repaired(
    labels: dict[str, str], owners: tuple[OwnerReference, ...]
) -> None:
    seen = replace(in_order(desired()), labels=labels, owners=owners)

    after = applied(plan(desired(), seen), seen)

    assert OWNER in after.owners
    assert set(owners) <= set(after.owners)
    assert owner_labels(OWNER.uid).items() <= after.labels.items()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("labels", "owners"),
    [
        pytest.param(owner_labels(SIBLING.uid), (SIBLING,), id="a sibling's"),
        pytest.param(owner_labels(OWNER.uid), (SIBLING,), id="with a forged label"),
        pytest.param(owner_labels(SIBLING.uid), (), id="a sibling's by label"),
        pytest.param(OWNER_LABELS, (), id="somebody's of ours"),
    ],
)
def test_secret_of_another_resource_is_never_taken(
    labels: Mapping[str, str],
    owners: tuple[OwnerReference, ...],
    overwrite: bool,
) -> None:
    theirs = replace(in_order(desired()), labels=labels, owners=owners)

    step = plan(replace(desired(), overwrite=overwrite), theirs)

    assert isinstance(step, Failure)
    assert step.reason is Reason.DESTINATION_NOT_OWNED


def test_foreign_secret_is_refused_unless_overwrite_is_set() -> None:
    foreign = replace(in_order(desired({"a": b"1"})), labels={}, owners=())

    refused = plan(desired(), foreign)
    taken = plan(replace(desired(), overwrite=True), foreign)

    assert isinstance(refused, Failure)
    assert refused.reason is Reason.DESTINATION_NOT_OWNED
    assert isinstance(taken, Update)
    assert taken.patch.owners == (OWNER,)


def test_other_type_means_a_new_secret() -> None:
    old = in_order(desired())
    wanted = replace(desired(), type="example.com/login")

    step = plan(wanted, old)

    assert isinstance(step, Replace)
    assert step.old == old
    assert step.secret.type == "example.com/login"


def test_secret_is_not_given_up_for_one_that_kubernetes_would_refuse() -> None:
    wanted = replace(desired(), type="kubernetes.io/tls")

    step = plan(wanted, in_order(desired()))

    assert isinstance(step, Failure)
    assert step.reason is Reason.INVALID_SECRET_DATA


def test_immutable_secret_is_not_written_but_its_labels_may_be() -> None:
    frozen = replace(in_order(desired()), immutable=True)

    refused = plan(desired({"password": b"new"}), frozen)
    relabelled = plan(replace(desired(), labels={"app": "web"}), frozen)

    assert isinstance(refused, Failure)
    assert refused.reason is Reason.DESTINATION_IMMUTABLE
    assert isinstance(relabelled, Update)


def test_secret_on_its_way_out_is_waited_for() -> None:
    step = plan(desired(), replace(in_order(desired()), deleting=True))

    assert isinstance(step, Failure)
    assert step.reason is Reason.DESTINATION_TERMINATING


def test_users_own_secret_gets_data_and_nothing_else() -> None:
    wanted = replace(desired(), create=False, labels={"app": "web"})
    theirs = replace(
        in_order(desired({"old": b"1"})), labels={"x": "y"}, owners=(), type="mine"
    )

    step = plan(wanted, theirs)

    assert isinstance(step, Update)
    assert step.patch == SecretPatch(
        KEY, "uid-1", "1", data=wanted.data, removed_keys=frozenset({"old"})
    )
    assert plan(wanted, patched(theirs, step.patch)) == Nothing()


@pytest.mark.parametrize(
    ("labels", "owners", "taken"),
    [
        pytest.param(owner_labels(SIBLING.uid), (SIBLING,), False, id="a sibling's"),
        pytest.param({}, (SIBLING,), False, id="a sibling's without labels"),
        pytest.param(owner_labels(SIBLING.uid), (), True, id="a former sibling's"),
        pytest.param(owner_labels(OWNER.uid), (OWNER,), True, id="ours before"),
        pytest.param({}, (DEPLOYMENT,), True, id="somebody else's"),
    ],
)
def test_users_own_secret_is_filled_unless_a_sibling_owns_it(
    labels: dict[str, str], owners: tuple[OwnerReference, ...], taken: bool
) -> None:
    wanted = replace(desired(), create=False)
    seen = replace(in_order(desired({"a": b"1"})), labels=labels, owners=owners)

    step = plan(wanted, seen)

    if taken:
        assert isinstance(step, Update)
    else:
        assert isinstance(step, Failure)
        assert step.reason is Reason.DESTINATION_NOT_OWNED


def test_users_own_secret_may_be_of_any_type() -> None:
    wanted = replace(desired(), create=False, type="kubernetes.io/tls")

    assert plan(wanted, in_order(desired())) == Nothing()


def test_record_of_what_is_managed_is_not_for_users_to_write() -> None:
    wanted = replace(desired(), annotations={MANAGED_METADATA: "theirs", "a": "b"})

    after = in_order(wanted)

    assert json.loads(after.annotations[MANAGED_METADATA]) == {
        "annotations": ["a"],
        "labels": [],
    }
    assert plan(wanted, after) == Nothing()
    nothing_else = replace(desired(), annotations={MANAGED_METADATA: "theirs"})
    assert MANAGED_METADATA not in in_order(nothing_else).annotations


def test_users_own_secret_is_never_created() -> None:
    step = plan(replace(desired(), create=False), None)

    assert isinstance(step, Failure)
    assert step.reason is Reason.DESTINATION_MISSING


NAMES = st.sampled_from(["app", "tier", "team", "x"])
TEXTS = st.dictionaries(NAMES, st.sampled_from(["1", "2"]), max_size=3)
DATA = st.dictionaries(NAMES, st.binary(max_size=3), max_size=3)
RECORDS = st.builds(
    lambda labels: {MANAGED_METADATA: json.dumps({"labels": labels})},
    st.lists(NAMES, unique=True),
)
WANTED = st.builds(
    lambda data, labels, annotations, kind: replace(
        desired(data), labels=labels, annotations=annotations, type=kind
    ),
    DATA,
    TEXTS,
    TEXTS,
    st.sampled_from(["Opaque", "example.com/login"]),
)


@st.composite
def observed_secrets(draw: st.DrawFn) -> ObservedSecret | None:
    if draw(st.booleans()):
        return None
    data = draw(DATA)
    marks = draw(st.sampled_from([owner_labels(OWNER.uid), {}]))
    return ObservedSecret(
        key=KEY,
        uid="uid-1",
        resource_version="1",
        type=draw(st.sampled_from(["Opaque", "example.com/login"])),
        digest=digest(data),
        data_keys=frozenset(data),
        labels={**draw(TEXTS), **marks},
        annotations={**draw(TEXTS), **draw(RECORDS)},
        owners=draw(st.sampled_from([(OWNER,), (), (DEPLOYMENT, OWNER)])),
        immutable=draw(st.booleans()),
    )


@given(wanted=WANTED, observed=observed_secrets(), overwrite=st.booleans())
def test_applying_the_plan_leaves_nothing_to_plan(
    wanted: Desired, observed: ObservedSecret | None, overwrite: bool
) -> None:
    wanted = replace(wanted, overwrite=overwrite)
    step = plan(wanted, observed)

    if isinstance(step, Failure):
        return
    after = applied(step, observed)

    assert plan(wanted, after) == Nothing()
    assert after.digest == wanted.digest
    assert after.type == wanted.type
    if isinstance(step, Update) and observed is not None:
        assert set(observed.owners) <= set(after.owners)


def kept(digest_of_data: bytes, **changes: Any) -> Kept:  # noqa: ANN401 - any field
    return replace(desired(), **changes).kept(digest_of_data)


def test_data_that_stays_needs_no_write() -> None:
    observed = in_order(desired())

    assert plan(kept(observed.digest), observed) == Nothing()


def test_metadata_is_written_around_data_that_stays() -> None:
    observed = in_order(desired())

    step = plan(kept(observed.digest, labels={"app": "other"}), observed)

    assert isinstance(step, Update)
    assert step.patch.data is None
    assert step.patch.labels == {"app": "other"}


def test_users_own_secret_with_data_that_stays_is_left_alone() -> None:
    observed = replace(in_order(desired()), labels={}, owners=())

    assert plan(kept(observed.digest, create=False), observed) == Nothing()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"digest": b"other"}, id="other data"),
        pytest.param({"type": "example.com/other"}, id="other type"),
    ],
)
def test_data_that_cannot_stay_is_told(change: dict[str, Any]) -> None:
    observed = in_order(desired())

    step = plan(kept(observed.digest), replace(observed, **change))

    assert isinstance(step, Failure)
    assert step.reason is Reason.KUBERNETES_UNAVAILABLE


def test_data_of_a_secret_that_is_gone_cannot_stay() -> None:
    assert isinstance(plan(kept(b"digest"), None), Failure)


def test_what_can_stay_is_known_by_its_digest() -> None:
    observed = in_order(desired())

    assert lasting_data(desired(), observed) == observed.digest
    for gone in (None, replace(observed, deleting=True), replace(observed, type="x")):
        assert lasting_data(desired(), gone) == b""
