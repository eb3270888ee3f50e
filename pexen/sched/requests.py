"""What one task asks for in locks and resources, and whether two can go together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from .meta import BITS, SchedMeta

Key = tuple[Any, ...]

CLAIM, USE = "claim", "use"

_CLAIMS, _USES = BITS["claims"], BITS["uses"]
_RESOURCES, _EXCLUSIVE = BITS["resources"], BITS["exclusive"]

SLACK = 1e-9  # amounts may be floats, whose sums drift


def as_key(key: Hashable) -> Key:
    """The hierarchical form of a lock key: a tuple as it is, anything else as (key,)."""
    return key if isinstance(key, tuple) else (key,)


def plain_key(key: Key) -> Any:
    """A key as people write it."""
    return key[0] if len(key) == 1 else key


class Request(NamedTuple):
    """All that one task asks for. Each key comes with its proper prefixes.

    `places` are all keys and prefixes, each once: where it may be in somebody's way.
    """

    claims: tuple[tuple[Key, tuple[Key, ...]], ...] = ()
    uses: tuple[tuple[Key, tuple[Key, ...]], ...] = ()
    resources: tuple[tuple[Any, float], ...] = ()
    exclusive: bool = False
    places: tuple[Key, ...] = ()

    @classmethod
    def of(cls, meta: SchedMeta) -> Request:
        """What the metadata asks for; NOTHING, always the same object, if nothing."""
        stored = meta.stored_bits
        claims = _with_prefixes(meta.claims) if stored & _CLAIMS else ()
        uses = _with_prefixes(meta.uses) if stored & _USES else ()
        resources = tuple(meta.resources.items()) if stored & _RESOURCES else ()
        exclusive = bool(stored & _EXCLUSIVE) and meta.exclusive
        if not (claims or uses or resources or exclusive):
            return NOTHING
        return cls(claims, uses, resources, exclusive, _places(claims, uses))

    def locks_only(self) -> Request:
        """Its claims and uses."""
        return Request(self.claims, self.uses, places=self.places)

    def keys(self) -> list[tuple[str, Key]]:
        """Each lock of the request, as (CLAIM or USE, key)."""
        return [(CLAIM, k) for k, _ in self.claims] + [(USE, k) for k, _ in self.uses]

    def conflicts(self, other: Request) -> bool:
        """Whether one may have to wait for the other."""
        if self.exclusive or other.exclusive:
            return True
        names = {name for name, _ in self.resources}
        return (
            any(name in names for name, _ in other.resources)
            or _overlap(self.claims, other.claims + other.uses)
            or _overlap(self.uses, other.claims)
        )


NOTHING = Request()


def asked(meta: SchedMeta) -> tuple[Any, ...]:
    """What the metadata asks for, as a key: where it is equal, so is the request."""
    stored = meta.stored_bits
    return (
        tuple(meta.claims) if stored & _CLAIMS else (),
        tuple(meta.uses) if stored & _USES else (),
        tuple(meta.resources.items()) if stored & _RESOURCES else (),
        stored & _EXCLUSIVE and meta.exclusive,
    )


def _with_prefixes(keys: Iterable[Hashable]) -> tuple[tuple[Key, tuple[Key, ...]], ...]:
    tuples = [as_key(key) for key in keys]
    return tuple((k, tuple(k[:n] for n in range(1, len(k)))) for k in tuples)


def _places(*locks: Iterable[tuple[Key, tuple[Key, ...]]]) -> tuple[Key, ...]:
    found: dict[Key, None] = {}
    for keys in locks:
        for key, prefixes in keys:
            found[key] = None
            found.update(dict.fromkeys(prefixes))
    return tuple(found)


def _overlap(some: Iterable[tuple[Key, Any]], others: Iterable[tuple[Key, Any]]) -> bool:
    return any(a[: len(b)] == b or b[: len(a)] == a for a, _ in some for b, _ in others)


def never_granted(request: Request, capacity: Mapping[Any, float]) -> str | None:
    """Why the request could not be granted even if nothing else ran, or None."""
    for name, amount in request.resources:
        if name not in capacity:
            known = ", ".join(map(repr, capacity)) or "none"
            return f"resource {name!r} is asked for but not declared; declared are: {known}"
        if capacity[name] + SLACK < amount:
            return f"resource {name!r} is asked for {amount!r}, more than all of it: {capacity[name]!r}"
    return None


def common_keys(request: Request) -> set[Any]:
    """The keys, as people write them, that a request both claims and uses."""
    if not (request.claims and request.uses):
        return set()
    used = {key for key, _ in request.uses}
    return {plain_key(key) for key, _ in request.claims if key in used}


def checked_capacity(resources: Mapping[Any, float]) -> dict[Any, float]:
    """How much there is of each resource; ValueError for what isn't an amount."""
    for name, amount in resources.items():
        if not isinstance(amount, (int, float)) or not amount >= 0:
            raise ValueError(f"resource {name!r} is {amount!r}; give a number, 0 or above")
    return dict(resources)
