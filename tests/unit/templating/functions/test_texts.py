"""Text as bytes, as words, as URLs and as what it encodes."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.templating.functions.calling import call
from vso_controller.templating.errors import FunctionError
from vso_controller.templating.values import raw, text


@pytest.mark.parametrize(
    ("name", "string", "words"),
    [
        ("snakecase", "NoHTTPS", "no_https"),
        ("snakecase", "HTTP20xOK", "http_20x_ok"),
        ("snakecase", "Duration2m3s", "duration_2m3s"),
        ("snakecase", "Bld4Floor3rd", "bld4_floor_3rd"),
        ("kebabcase", "a.b-C", "a.b-c"),
        ("camelcase", "GOLANG_IS_GREAT", "GolangIsGreat"),
        ("camelcase", "no_https", "NoHttps"),
        ("title", "it's a x_y 3d", "It'S A X_y 3d"),
        ("untitle", "First Try", "first try"),
        ("swapcase", "aB Cd ǅ", "Ab cD ǆ"),
        ("upper", "ßŉᾳ", "ßŉᾼ"),
        ("lower", "İΣ", "i\N{GREEK SMALL LETTER SIGMA}"),
    ],
)
def test_names_are_taken_apart_into_words(name: str, string: str, words: str) -> None:
    assert call(name, string) == words


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("trunc", (1, "é"), "\udcc3"),
        ("trunc", (-1, "é"), "\udca9"),
        ("substr", (1, -1, "é☕"), "\udca9☕"),
        ("replace", ("-", "", "\udcc3-\udca9"), "é"),
        ("contains", ("\udcc3", "é"), True),
        ("splitList", ("\udcc3", "aéb"), ["a", "\udca9b"]),
        ("splitList", ("", "é\udcff"), ["é", "\udcff"]),
        ("nospace", ["é b"], "Ã©b"),
        ("initials", ("éa ob",), "Ão"),
        ("upper", ("\udcff",), "\ufffd"),
        ("toJson", ("\udcff",), '"\ufffd"'),
        ("sortAlpha", (["\udcff", "\U0001f600", "z"],), ["z", "\U0001f600", "\udcff"]),
    ],
)
def test_text_is_bytes(
    name: str, arguments: tuple[object, ...], result: object
) -> None:
    assert call(name, *arguments) == result


@given(st.binary(max_size=40))
def test_encodings_come_back(data: bytes) -> None:
    string = text(data)

    assert raw(str(call("b64dec", call("b64enc", string)))) == data
    assert raw(str(call("b32dec", call("b32enc", string)))) == data


@given(st.text("AB=\n", max_size=12))
def test_only_what_is_base64_is_read(string: str) -> None:
    decoded = str(call("b64dec", string))

    plain = string.replace("\n", "")
    if not decoded.startswith("illegal"):
        assert raw(decoded) == base64.b64decode(plain)


@pytest.mark.parametrize(
    ("string", "at"),
    [("ME=====", 7), ("MFRGG", 0), ("M=======", 1), ("MFR=====", 3), ("me======", 0)],
)
def test_fault_of_base32_is_told_by_its_place(string: str, at: int) -> None:
    assert call("b32dec", string) == f"illegal base32 data at input byte {at}"


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("mailto:a@b", {"scheme": "mailto", "opaque": "a@b"}),
        ("http://[fe80::1%25en0]:80/", {"host": "[fe80::1%en0]:80"}),
        ("http://u:p@ss@h/", {"host": "h", "userinfo": "u:p%40ss"}),
        (
            "//h:80?x#f",
            {"host": "h:80", "hostname": "h", "query": "x", "fragment": "f"},
        ),
        ("/a%2Fb?", {"path": "/a/b", "query": ""}),
        ("*", {"path": "*"}),
    ],
)
def test_url_is_taken_apart(url: str, parts: dict[str, str]) -> None:
    found = call("urlParse", url)

    assert isinstance(found, dict)
    assert {name: found[name] for name in parts} == parts


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://h:p/",
            ":x",
            "1a:b",
            "http://[::1",
            "http://[1.2.3.4]/",
            "http://a b/",
        ),
        *("http://h/%z", "http://%41/", "http://a:1:2/", "http://u ser@h/", "a\x7f"),
        *("http://[::1%25]/", "http://x[::1]/", "http://h/#%"),
    ],
)
def test_malformed_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(FunctionError) as refused:
        call("urlParse", url)

    assert url not in str(refused.value)


@pytest.mark.parametrize(
    ("parts", "url"),
    [
        ({"scheme": "file", "path": "/x"}, "file:///x"),
        ({"path": "a:b"}, "./a:b"),
        ({"host": "h", "path": "p q"}, "//h/p%20q"),
        ({"scheme": "x", "opaque": "o", "host": "h"}, "x:o"),
        (
            {"scheme": "http", "host": "h", "query": "", "fragment": "a b"},
            "http://h#a%20b",
        ),
        ({}, ""),
    ],
)
def test_url_is_put_together(parts: dict[str, object], url: str) -> None:
    assert call("urlJoin", parts) == url


@pytest.mark.parametrize(
    ("constraint", "version", "holds"),
    [
        ("1.2 - 1.4", "1.3", True),
        ("1.2 - 1.4", "1.5", False),
        ("^0.0.3", "0.0.4", False),
        ("^0.0", "0.0.9", True),
        ("!=1.2.x", "1.2.3", False),
        (">1.2", "1.2.5", False),
        ("<=1.2", "1.2.9", True),
        ("~1 || >3", "4.0.0", True),
        (">=1.0.0-0", "1.1.0-beta", True),
        (">=1.0.0", "1.1.0-beta", False),
        ("=1.0.0-a.10", "1.0.0-a.10", True),
        (">1.0.0-a.9", "1.0.0-a.10", True),
        (">1.0.0-9", "1.0.0-a", True),
    ],
)
def test_version_satisfies_its_constraint(
    constraint: str, version: str, holds: bool
) -> None:
    assert call("semverCompare", constraint, version) is holds


@pytest.mark.parametrize("version", ["", "1.2.3.4", "1.2.3-01", "a", "1.2.3-", "1_0"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(FunctionError):
        call("semver", version)


@pytest.mark.parametrize(
    ("pattern", "string", "replacement", "result"),
    [
        ("a(x*)b", "-ab-axxb-", "${1}W", "-W-xxW-"),
        ("a(x*)b", "-ab-axxb-", "$1W", "---"),
        ("(?P<k>a)", "a", "$k$$", "a$"),
        ("x*", "abc", "-", "-a-b-c-"),
        ("x*", "axb", "-", "-a-b-"),
        ("(a)|b", "ab", "[$1]", "[a][]"),
        ("$", "a\n", "!", "a\n!"),
        ("(?m)$", "a\nb", "!", "a!\nb!"),
    ],
)
def test_matches_are_replaced_as_in_go(
    pattern: str, string: str, replacement: str, result: str
) -> None:
    assert call("regexReplaceAll", pattern, string, replacement) == result
