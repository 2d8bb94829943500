"""What names, labels and keys may look like, and how Kubernetes says otherwise.

Each function returns None for a good value, or the sentence that explains the rule.
Source of the rules: the Kubernetes documentation, "Object Names and IDs" and
"Labels and Selectors".
"""

from __future__ import annotations

import re

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_CONFIG_KEY = r"[-._a-zA-Z0-9]+"

_MAX_LABEL = 63
_MAX_SUBDOMAIN = 253
GENERATED_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of generated names: no vowels, so that no words appear."""
_MAX_GENERATED_BASE = 58


def label_problem(name: str) -> str | None:
    """Judge the name of a Namespace and the like (RFC 1123 label)."""
    if len(name) > _MAX_LABEL:
        return f"must be no more than {_MAX_LABEL} characters"
    if re.fullmatch(_LABEL, name):
        return None
    return (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters "
        "or '-', and must start and end with an alphanumeric character (e.g. "
        f"'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
    )


def subdomain_problem(name: str) -> str | None:
    """Judge the name of most objects (RFC 1123 subdomain)."""
    if len(name) > _MAX_SUBDOMAIN:
        return f"must be no more than {_MAX_SUBDOMAIN} characters"
    if re.fullmatch(_SUBDOMAIN, name):
        return None
    return (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
        "characters, '-' or '.', and must start and end with an alphanumeric character "
        f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
    )


def path_segment_problem(name: str) -> str | None:
    """Judge the name of RBAC objects, which may be anything a URL can hold."""
    if name in {".", ".."}:
        return f"may not be '{name}'"
    for character in "/%":
        if character in name:
            return f"may not contain '{character}'"
    return None


def qualified_name_problem(name: str) -> str | None:
    """Judge a label key, an annotation key or a finalizer: `[prefix/]name`."""
    prefix, slash, rest = name.rpartition("/")
    if slash and (problem := subdomain_problem(prefix)):
        return f"prefix part {problem}"
    if len(rest) > _MAX_LABEL:
        return f"name part must be no more than {_MAX_LABEL} characters"
    if re.fullmatch(_QUALIFIED, rest):
        return None
    return (
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must "
        "start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  "
        f"or '123-abc', regex used for validation is '{_QUALIFIED}')"
    )


def label_value_problem(value: str) -> str | None:
    """Judge the value of a label."""
    if len(value) > _MAX_LABEL:
        return f"must be no more than {_MAX_LABEL} characters"
    if re.fullmatch(f"({_QUALIFIED})?", value):
        return None
    return (
        "a valid label must be an empty string or consist of alphanumeric characters, "
        "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
        "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
        f"'({_QUALIFIED})?')"
    )


def config_key_problem(key: str) -> str | None:
    """Judge a key of the data of a Secret or a ConfigMap."""
    if len(key) > _MAX_SUBDOMAIN:
        return f"must be no more than {_MAX_SUBDOMAIN} characters"
    if key in {".", ".."} or key.startswith(".."):
        return "must not be '.' and must not start with '..'"
    if re.fullmatch(_CONFIG_KEY, key):
        return None
    return (
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
        "(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation "
        f"is '{_CONFIG_KEY}')"
    )


def generated_base(prefix: str) -> str:
    """Cut a generateName so that the suffix still fits into a label."""
    return prefix[:_MAX_GENERATED_BASE]
