"""References as people write them, and where each one leads: one case a line.

Written down by hand. The operator's namespace is `vso`. The columns:

* the namespace of the object in which the reference stands;
* the reference as it is written, `''` for nothing; for a SecretTransformation and a
  VaultAuthGlobal `name=`, `in=` (its namespace) and, of the latter, `default`
  (allowDefault), with commas between them;
* the `allowedNamespaces` of what is found, with commas between them, `-` for none;
* the settings: `shared:` with namespaces, `admit` (default objects admit all),
  `nofallback`, `nodefaults`, with blanks between them, `-` for the defaults;
* where it leads, best first; `denied` if nowhere, `malformed` if nobody can read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vso_controller.domain.references import Target

LONG = "n" * 253
TOO_LONG = "n" * 254
LONG_NAMESPACE = "s" * 63
TOO_LONG_NAMESPACE = "s" * 64


@dataclass(frozen=True, slots=True)
class Case:
    target: Target
    namespace: str
    written: str
    allowed: tuple[str, ...]
    settings: tuple[str, ...]
    leads_to: tuple[str, ...]  # empty: denied
    is_malformed: bool


# What may stand in the place of a name and leads nowhere at all, for every kind.
NO_NAME = """
apps | ..                        | * | -        | malformed
apps | .                         | * | -        | malformed
apps | -                         | * | -        | malformed
apps | -auth                     | * | -        | malformed
apps | auth-                     | * | -        | malformed
apps | .auth                     | * | -        | malformed
apps | auth.                     | * | -        | malformed
apps | a..b                      | * | -        | malformed
apps | a.-b                      | * | -        | malformed
apps | a-.b                      | * | -        | malformed
apps | Auth                      | * | -        | malformed
apps | a_b                       | * | -        | malformed
apps | a b                       | * | -        | malformed
apps | a%2fb                     | * | -        | malformed
apps | a%2e%2e                   | * | -        | malformed
apps | a?b                       | * | -        | malformed
apps | a#b                       | * | -        | malformed
apps | a\\b                      | * | -        | malformed
apps | a:b                       | * | -        | malformed
apps | *                         | * | -        | malformed
apps | ä                         | * | -        | malformed
apps | aNUL                      | * | -        | malformed
apps | aNEWLINE                  | * | -        | malformed
apps | TOO_LONG                  | * | -        | malformed
"""

# What leads out of a namespace by more than one step, or by none.
NO_PATH = """
apps | /                         | * | shared:* | malformed
apps | /auth                     | * | shared:* | malformed
apps | apps/                     | * | shared:* | malformed
apps | apps//auth                | * | shared:* | malformed
apps | a/b/c                     | * | shared:* | malformed
apps | ../infra/auth             | * | shared:* | malformed
apps | ../auth                   | * | shared:* | malformed
apps | infra/..                  | * | shared:* | malformed
apps | infra/../auth             | * | shared:* | malformed
apps | ./auth                    | * | shared:* | malformed
apps | infra/.                   | * | shared:* | malformed
apps | */auth                    | * | shared:* | malformed
apps | infra/*                   | * | shared:* | malformed
apps | Infra/auth                | * | shared:* | malformed
apps | in.fra/auth               | * | shared:* | malformed
apps | infra-/auth               | * | shared:* | malformed
apps | infra /auth               | * | shared:* | malformed
apps | infra%2fauth              | * | shared:* | malformed
apps | infra/secrets%2fother     | * | shared:* | malformed
apps | TOO_LONG_NAMESPACE/auth   | * | shared:* | malformed
"""

VAULT_AUTH = """
apps | ''                        | -              | -     | vso/default
apps | ''                        | apps           | -     | vso/default
apps | ''                        | team,apps      | -     | vso/default
apps | ''                        | *              | -     | vso/default
apps | ''                        | team           | -     | denied
apps | ''                        | team           | admit | vso/default
apps | ''                        | *,team         | -     | denied
apps | ''                        | *,team         | admit | vso/default
vso  | ''                        | -              | -     | vso/default
vso  | ''                        | team           | -     | vso/default
apps | auth                      | -              | -     | apps/auth
apps | auth                      | team           | -     | apps/auth
apps | auth                      | *              | -     | apps/auth
apps | default                   | -              | -     | apps/default
apps | default                   | team           | -     | apps/default
vso  | default                   | team           | -     | vso/default
vso  | auth                      | -              | -     | vso/auth
apps | apps/auth                 | -              | -     | apps/auth
apps | apps/auth                 | team           | -     | apps/auth
apps | apps/default              | team           | -     | apps/default
apps | infra/auth                | -              | -     | denied
apps | infra/auth                | apps           | -     | infra/auth
apps | infra/auth                | *              | -     | infra/auth
apps | infra/auth                | *,apps         | -     | infra/auth
apps | infra/auth                | apps,*         | -     | infra/auth
apps | infra/auth                | *,team         | -     | denied
apps | infra/auth                | *,*            | -     | denied
apps | infra/auth                | team           | -     | denied
apps | infra/auth                | team,apps      | -     | infra/auth
apps | infra/auth                | apps,apps      | -     | infra/auth
apps | infra/auth                | app            | -     | denied
apps | infra/auth                | apps2          | -     | denied
apps | infra/auth                | Apps           | -     | denied
apps | infra/auth                | ap*            | -     | denied
apps | infra/auth                | app?           | -     | denied
apps | infra/auth                | [a]pps         | -     | denied
apps | infra/auth                | .*             | -     | denied
apps | infra/auth                | **             | -     | denied
apps | infra/auth                | infra          | -     | denied
apps | infra/auth                | vso            | -     | denied
apps | infra/auth                | apps/auth      | -     | denied
apps | infra/auth                | -              | admit | denied
apps | infra/auth                | team           | admit | denied
apps | infra/auth                | -              | shared:infra | denied
apps | infra/auth                | -              | shared:*     | denied
apps | infra/default             | -              | -     | denied
apps | infra/default             | -              | admit | denied
apps | infra/default             | apps           | -     | infra/default
apps | vso/default               | -              | -     | vso/default
apps | vso/default               | team           | -     | denied
apps | vso/default               | team           | admit | vso/default
apps | vso/default               | apps           | -     | vso/default
apps | vso/auth                  | -              | -     | denied
apps | vso/auth                  | -              | admit | denied
apps | vso/auth                  | apps           | -     | vso/auth
apps | vso/auth                  | *              | -     | vso/auth
apps | vso/default.x             | -              | -     | denied
vso  | apps/auth                 | -              | -     | denied
vso  | apps/auth                 | vso            | -     | apps/auth
vso  | apps/auth                 | *              | -     | apps/auth
team | apps/auth                 | apps           | -     | denied
team | apps/default              | -              | -     | denied
apps | a                         | -              | -     | apps/a
apps | 0                         | -              | -     | apps/0
apps | a.b-c.0                   | -              | -     | apps/a.b-c.0
apps | a--b                      | -              | -     | apps/a--b
apps | LONG                      | -              | -     | apps/LONG
apps | LONG_NAMESPACE/auth       | *              | -     | LONG_NAMESPACE/auth
"""

VAULT_AUTH_GLOBAL = """
apps | name=global                  | -      | -          | apps/global
apps | name=global                  | team   | -          | apps/global
apps | name=global,in=apps          | team   | -          | apps/global
apps | name=global,in=infra         | -      | -          | denied
apps | name=global,in=infra         | apps   | -          | infra/global
apps | name=global,in=infra         | *      | -          | infra/global
apps | name=global,in=infra         | *,team | -          | denied
apps | name=global,in=infra         | team   | -          | denied
apps | name=global,in=infra         | ap*    | -          | denied
apps | name=global,in=infra         | -      | shared:*   | denied
apps | name=global,in=infra         | -      | admit      | denied
apps | name=global,in=vso           | -      | -          | denied
apps | name=global,in=vso           | apps   | -          | vso/global
apps | name=default,in=vso          | -      | -          | vso/default
apps | name=default,in=vso          | team   | -          | denied
apps | name=default,in=vso          | team   | admit      | vso/default
apps | name=default                 | team   | -          | apps/default
apps | name=default,in=infra        | -      | -          | denied
apps | name=global,default          | -      | -          | apps/global
apps | name=global,in=infra,default | apps   | -          | infra/global
apps | default                      | -      | -          | apps/default vso/default
apps | default                      | apps   | -          | apps/default vso/default
apps | default                      | team   | -          | apps/default
apps | default                      | team   | admit      | apps/default vso/default
apps | default                      | *      | -          | apps/default vso/default
apps | in=infra,default             | -      | -          | denied
apps | in=infra,default             | apps   | -          | infra/default
apps | in=vso,default               | -      | -          | vso/default
apps | in=vso,default               | team   | -          | denied
apps | in=vso,default               | team   | admit      | vso/default
apps | in=apps,default              | team   | -          | apps/default
vso  | default                      | team   | -          | vso/default
vso  | name=global                  | -      | -          | vso/global
vso  | name=global,in=apps          | -      | -          | denied
vso  | name=global,in=apps          | vso    | -          | apps/global
apps | ''                           | *      | -          | malformed
apps | in=infra                     | *      | -          | malformed
apps | in=vso                       | *      | -          | malformed
apps | default                      | *      | nodefaults | malformed
apps | in=vso,default               | *      | nodefaults | malformed
apps | name=global,default          | *      | nodefaults | malformed
apps | name=global                  | -      | nodefaults | apps/global
apps | name=default                 | -      | nodefaults | apps/default
apps | name=default,in=vso          | -      | nodefaults | vso/default
apps | name=..                      | *      | -          | malformed
apps | name=../global               | *      | -          | malformed
apps | name=infra/global            | *      | -          | malformed
apps | name=a..b                    | *      | -          | malformed
apps | name=-                       | *      | -          | malformed
apps | name=global,in=..            | *      | -          | malformed
apps | name=global,in=-             | *      | -          | malformed
apps | name=global,in=in/fra        | *      | -          | malformed
apps | in=..,default                | *      | -          | malformed
apps | name=TOO_LONG                | *      | -          | malformed
"""

VAULT_CONNECTION = """
apps | ''                        | - | -                   | vso/default
vso  | ''                        | - | -                   | vso/default
apps | ''                        | - | nofallback          | vso/default
apps | vault                     | - | -                   | apps/vault vso/vault
apps | vault                     | - | nofallback          | apps/vault
apps | default                   | - | -                   | apps/default vso/default
apps | default                   | - | nofallback          | apps/default
vso  | vault                     | - | -                   | vso/vault
vso  | default                   | - | -                   | vso/default
apps | apps/vault                | - | -                   | apps/vault
apps | apps/vault                | - | nofallback          | apps/vault
apps | vso/vault                 | - | -                   | vso/vault
apps | vso/vault                 | - | nofallback          | vso/vault
apps | vso/default               | - | -                   | vso/default
apps | infra/vault               | - | -                   | denied
apps | infra/vault               | - | admit               | denied
apps | infra/vault               | - | nofallback          | denied
apps | infra/default             | - | -                   | denied
apps | infra/default             | - | admit               | denied
apps | infra/vault               | - | shared:infra        | infra/vault
apps | infra/vault               | - | shared:team,infra   | infra/vault
apps | infra/vault               | - | shared:*            | infra/vault
apps | infra/vault               | - | shared:team         | denied
apps | infra/vault               | - | shared:apps         | denied
apps | infra/vault               | - | shared:vso          | denied
apps | infra/vault               | - | shared:infra2       | denied
apps | infra/vault               | - | shared:in           | denied
apps | apps2/vault               | - | -                   | denied
vso  | apps/vault                | - | -                   | apps/vault
vso  | infra/vault               | - | nofallback          | infra/vault
team | apps/vault                | - | shared:infra        | denied
team | vault                     | - | shared:apps         | team/vault vso/vault
apps | LONG                      | - | nofallback          | apps/LONG
apps | LONG_NAMESPACE/vault      | - | shared:*            | LONG_NAMESPACE/vault
"""

SECRET_TRANSFORMATION = """
apps | name=templates            | - | -                   | apps/templates
apps | name=templates            | - | shared:infra        | apps/templates
apps | name=default              | - | -                   | apps/default
apps | name=templates,in=apps    | - | -                   | apps/templates
apps | name=templates,in=vso     | - | -                   | vso/templates
apps | name=templates,in=infra   | - | -                   | denied
apps | name=templates,in=infra   | * | -                   | denied
apps | name=templates,in=infra   | - | admit               | denied
apps | name=templates,in=infra   | - | shared:infra        | infra/templates
apps | name=templates,in=infra   | - | shared:team,infra   | infra/templates
apps | name=templates,in=infra   | - | shared:*            | infra/templates
apps | name=templates,in=infra   | - | shared:team         | denied
apps | name=templates,in=infra   | - | shared:apps         | denied
vso  | name=templates            | - | -                   | vso/templates
vso  | name=templates,in=infra   | - | -                   | infra/templates
team | name=templates,in=apps    | - | -                   | denied
apps | ''                        | - | shared:*            | malformed
apps | in=infra                  | - | shared:*            | malformed
apps | name=infra/templates      | - | shared:*            | malformed
apps | name=..                   | - | shared:*            | malformed
apps | name=../templates         | - | shared:*            | malformed
apps | name=templates,in=..      | - | shared:*            | malformed
apps | name=templates,in=in/fra  | - | shared:*            | malformed
apps | name=TOO_LONG             | - | -                   | malformed
"""

SECRET = """
apps | vault-ca                  | - | -                   | apps/vault-ca
apps | vault-ca                  | - | shared:*            | apps/vault-ca
vso  | vault-ca                  | - | -                   | vso/vault-ca
apps | default                   | - | -                   | apps/default
apps | a.b                       | - | -                   | apps/a.b
apps | LONG                      | - | -                   | apps/LONG
apps | ''                        | - | -                   | malformed
apps | infra/vault-ca            | * | shared:*            | malformed
apps | apps/vault-ca             | * | shared:*            | malformed
apps | vso/vso-cc-sessions       | * | shared:* admit      | malformed
apps | ../vso/secrets/x          | * | shared:* admit      | malformed
"""

SERVICE_ACCOUNT = """
apps | app-sa                    | - | -                   | apps/app-sa
apps | default                   | - | -                   | apps/default
vso  | app-sa                    | - | -                   | vso/app-sa
apps | ''                        | - | -                   | malformed
apps | vso/controller            | * | shared:* admit      | malformed
apps | app-sa/token              | * | shared:* admit      | malformed
apps | ../kube-system/default    | * | shared:* admit      | malformed
"""

_TABLES = (
    (Target.VAULT_AUTH, VAULT_AUTH + NO_NAME + NO_PATH),
    (Target.VAULT_AUTH_GLOBAL, VAULT_AUTH_GLOBAL),
    (Target.VAULT_CONNECTION, VAULT_CONNECTION + NO_NAME + NO_PATH),
    (Target.SECRET_TRANSFORMATION, SECRET_TRANSFORMATION),
    (Target.SECRET, SECRET + NO_NAME + NO_PATH),
    (Target.SERVICE_ACCOUNT, SERVICE_ACCOUNT),
)


def cases() -> Iterator[Case]:
    """Yield all cases."""
    for target, table in _TABLES:
        for line in table.strip().splitlines():
            if line:
                yield _case(target, line)


def _case(target: Target, line: str) -> Case:
    namespace, written, allowed, settings, leads_to = (
        each.strip(" ") for each in line.rsplit(" | ", 4)
    )
    is_malformed = leads_to == "malformed"
    return Case(
        target=target,
        namespace=namespace,
        written=_whole(written.replace("''", "")),
        allowed=() if allowed == "-" else tuple(allowed.split(",")),
        settings=() if settings == "-" else tuple(settings.split()),
        leads_to=()
        if is_malformed or leads_to == "denied"
        else tuple(_whole(leads_to).split()),
        is_malformed=is_malformed,
    )


def _whole(text: str) -> str:
    """Put what is long, or not to be seen, in place of the words that stand for it."""
    for word, name in (
        ("TOO_LONG_NAMESPACE", TOO_LONG_NAMESPACE),
        ("LONG_NAMESPACE", LONG_NAMESPACE),
        ("TOO_LONG", TOO_LONG),
        ("LONG", LONG),
        ("NUL", "\0"),
        ("NEWLINE", "\n"),
    ):
        text = text.replace(word, name)
    return text
