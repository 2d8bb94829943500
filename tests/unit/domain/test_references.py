from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.reference_cases import Case, cases
from vso_controller.domain.references import (
    ReferenceMalformed,
    Target,
    Tenancy,
    check_name,
    connection_candidates,
    global_candidates,
    may_refer,
    parse_reference,
    transformation_key,
)
from vso_controller.foundation.objects import ObjectKey

OPERATOR = "vso"
CASES = tuple(cases())


def tenancy_of(case: Case) -> Tenancy:
    shared = [each.removeprefix("shared:") for each in case.settings if ":" in each]
    return Tenancy(
        OPERATOR,
        namespace_fallback="nofallback" not in case.settings,
        default_globals="nodefaults" not in case.settings,
        shared_namespaces=tuple(name for each in shared for name in each.split(",")),
        defaults_admit_all="admit" in case.settings,
    )


def fields_of(case: Case) -> dict[str, str]:
    written = (each.split("=") for each in case.written.split(",") if "=" in each)
    return {"name": "", "in": ""} | dict(written)


def candidates_of(case: Case, tenancy: Tenancy) -> tuple[ObjectKey, ...]:
    """Return where the reference leads, before it is asked who may follow it."""
    beside = ObjectKey(case.namespace, "who-refers")
    match case.target:
        case Target.VAULT_AUTH_GLOBAL:
            written = fields_of(case)
            return global_candidates(
                name=written["name"],
                namespace=written["in"],
                allow_default="default" in case.written.split(","),
                auth=beside,
                tenancy=tenancy,
            )
        case Target.VAULT_CONNECTION:
            return connection_candidates(
                case.written,
                auth=beside,
                operator_namespace=OPERATOR,
                fallback=tenancy.namespace_fallback,
            )
        case Target.SECRET_TRANSFORMATION:
            written = fields_of(case)
            found = transformation_key(
                written["name"], namespace=written["in"], beside=beside
            )
            return (found,)
        case Target.SECRET | Target.SERVICE_ACCOUNT:
            check_name(case.written)
            return (ObjectKey(case.namespace, case.written),)
        case _:
            found = parse_reference(
                case.written, beside=beside, operator_namespace=OPERATOR
            )
            return (found,)


def test_there_are_more_than_two_hundred_cases_and_none_twice() -> None:
    asked = {(c.target, c.namespace, c.written, c.allowed, c.settings) for c in CASES}

    assert len(asked) == len(CASES) > 200
    assert {case.target for case in CASES} == set(Target)


@pytest.mark.parametrize(
    "case",
    CASES,
    ids=lambda case: f"{case.target}-{case.namespace}-{case.written[:20]!a}",
)
def test_reference_leads_where_the_table_says(case: Case) -> None:
    tenancy = tenancy_of(case)
    if case.is_malformed:
        with pytest.raises(ReferenceMalformed):
            candidates_of(case, tenancy)
        return

    reached = [
        str(key)
        for key in candidates_of(case, tenancy)
        if may_refer(
            case.namespace,
            to=case.target,
            key=key,
            allowed=case.allowed,
            tenancy=tenancy,
        )
    ]

    assert tuple(reached) == case.leads_to


@given(
    target=st.sampled_from((Target.SECRET, Target.SERVICE_ACCOUNT)),
    names=st.tuples(st.sampled_from("abc"), st.sampled_from("abc")),
    allowed=st.lists(st.sampled_from(["*", "a", "b"])),
    admit=st.booleans(),
    shared=st.sampled_from([(), ("*",), ("a", "b", "c")]),
)
def test_no_setting_lets_a_secret_or_an_account_be_used_from_elsewhere(
    target: Target,
    names: tuple[str, str],
    allowed: list[str],
    admit: bool,
    shared: tuple[str, ...],
) -> None:
    namespace, other = names
    tenancy = Tenancy("a", defaults_admit_all=admit, shared_namespaces=shared)

    answer = may_refer(
        namespace,
        to=target,
        key=ObjectKey(other, "default"),
        allowed=allowed,
        tenancy=tenancy,
    )

    assert answer is (namespace == other)


@given(st.text() | st.text(alphabet=string.ascii_lowercase + "./-%"))
def test_whatever_is_written_no_key_has_a_part_that_is_a_path(text: str) -> None:
    beside = ObjectKey("apps", "auth")
    try:
        key = parse_reference(text, beside=beside, operator_namespace=OPERATOR)
    except ReferenceMalformed:
        return

    for part in (key.namespace, key.name):
        assert set(part) <= set(string.ascii_lowercase + string.digits + "-.")
        assert not {"", ".", ".."} & {part, *part.split(".")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a/b/c", "'a/b/c' is not a reference; write `name` or `namespace/name`"),
        ("/b", "'/b' is not a reference; write `name` or `namespace/name`"),
        ("In/b", "'In/b' is not a reference; no namespace can have such a name"),
        ("..", "'..' is not a reference; no object can have such a name"),
        (
            "x" * 300,
            f"'{'x' * 100}...' is not a reference; no object can have such a name",
        ),
    ],
    ids=["steps", "empty", "namespace", "name", "long"],
)
def test_malformed_reference_is_told_to_the_user(text: str, message: str) -> None:
    with pytest.raises(ReferenceMalformed) as raised:
        parse_reference(
            text, beside=ObjectKey("apps", "auth"), operator_namespace=OPERATOR
        )

    assert str(raised.value) == message
