"""N2: no Secret goes back in time. N6: no Secret is a part of one version, or of two.

Both look at every version of a Secret that was ever visible, and only at those the
controller wrote: what people write is theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.oracle.case import Case
from tests.support.oracle.claims import source_of
from tests.support.oracle.journal import Source, ValueWritten
from tests.support.oracle.records import Ref, SecretSeen
from tests.support.oracle.report import Invariant, Violation


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a Secret was to be, by one generation of one resource."""

    owner: str  # its uid
    generation: int
    source: Source


@dataclass(frozen=True, slots=True)
class _Meant:
    """A version of a Secret that the controller wrote, and what it stood for."""

    seen: SecretSeen
    wishes: frozenset[_Wish]
    versions: tuple[ValueWritten, ...]  # with just this content


def regressed(case: Case) -> Iterator[Violation]:
    """N2: the Secret held a newer version of the entry before.

    A new generation may well ask for an older one: it counts anew.
    """
    for ref in case.secrets.refs:
        newest: dict[_Wish, int] = {}
        for meant in _meant(case, ref):
            numbers = [each.version for each in meant.versions]
            if not numbers or len(meant.wishes) != 1:
                continue
            (wish,) = meant.wishes
            before = newest.get(wish, 0)
            if max(numbers) < before:
                yield _regression(meant, before)
            # An entry may have had the same content twice: the older one will do.
            newest[wish] = min((n for n in numbers if n >= before), default=before)


def _regression(meant: _Meant, before: int) -> Violation:
    versions = meant.versions
    what = f"{meant.seen.ref} went back from version {before} of {versions[0].source}"
    evidence = (*map(str, versions), str(meant.seen))
    return Violation(Invariant.NO_REGRESSION, what, evidence)


def mixed(case: Case) -> Iterator[Violation]:
    """N6: the Secret held what Vault never held as a whole."""
    for ref in case.secrets.refs:
        for meant in _meant(case, ref):
            if not meant.versions:
                sources = ", ".join(sorted(str(wish.source) for wish in meant.wishes))
                what = f"{ref} held what no version of {sources} is"
                evidence = (str(meant.seen), *_shares(case, meant))
                yield Violation(Invariant.WHOLE_SECRETS, what, evidence)


def _meant(case: Case, ref: Ref) -> Iterator[_Meant]:
    """Yield the versions of a Secret of which it is known what they had to be."""
    for seen in case.secrets.of(ref):
        if seen.gone or not case.is_ours(seen):
            continue
        wishes = _wishes(case, seen)
        known = [case.written.get(wish.source, []) for wish in wishes]
        if not wishes or not all(known):
            continue
        same = [each for every in known for each in every if each.items == seen.items]
        yield _Meant(seen, wishes, tuple(same))


def _wishes(case: Case, seen: SecretSeen) -> frozenset[_Wish]:
    found = set()
    for claim in case.claims_at(seen.ref, seen.at):
        source = source_of(claim)
        if source is None:
            return frozenset()  # somebody whose content is not modelled
        found.add(_Wish(claim.uid, claim.generation, source))
    return frozenset(found)


def _shares(case: Case, meant: _Meant) -> Iterator[str]:
    """Say which keys are from which version."""
    for wish in meant.wishes:
        for version in case.written[wish.source]:
            shared = sorted(
                key
                for key, value in version.items.items()
                if meant.seen.items.get(key) == value
            )
            if shared:
                yield f"{', '.join(shared)} as in version {version.version}"
