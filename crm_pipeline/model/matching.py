"""Which source records are one thing: the order of trust, keys that are no keys, and how a contradictory group is parted.

What belongs here: rules about keys and about one group of linked records. What names say against a link belongs to
`names.py` and `company_names.py`; finding who shares a key is done in sets by the database.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Rule(NamedTuple):
    """A reason to hold two records for one."""

    name: str
    phrase: str
    """As a person reads it: "same phone"."""


RULES = (
    Rule("person", "a person said so"),
    Rule("marker", "same origin"),
    Rule("kept", "linked before, and written to since"),
    Rule("external_id", "same external id"),
    Rule("tax_id", "same tax id"),
    Rule("email", "same e-mail"),
    Rule("phone", "same phone"),
    Rule("domain", "same web domain"),
    Rule("sku", "same article"),
    Rule("name", "same name"),
    Rule("mapping", "same in the mapping table"),
)
"""The most trusted first."""

RANKS: Mapping[str, int] = {rule.name: rank for rank, rule in enumerate(RULES)}
PHRASES: Mapping[str, str] = {rule.name: rule.phrase for rule in RULES}
IDENTITY = "identity"
"""Rule of a record that stands alone, or by which its golden record is known."""


class Edge(NamedTuple):
    """Two records that share a key."""

    a: int
    b: int
    rule: str
    key: str
    contradiction: str | None = None
    """What speaks against it, as a person reads it."""


class Review(NamedTuple):
    """Two records a person has to decide about."""

    a: int
    b: int
    rule: str
    reason: str
    """contradiction, several_candidates or one_connection."""
    explanation: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """How linked records were grouped."""

    clusters: list[frozenset[int]]
    links: dict[int, str]
    """Record → its most trusted accepted rule."""
    reviews: list[Review]


Pair = tuple[int, int]


def resolve(
    connections: Mapping[int, int],
    edges: Sequence[Edge],
    together: Collection[Pair] = (),
    apart: Collection[Pair] = (),
    same_connection_rules: Collection[str] = frozenset(),
) -> Resolution:
    """Group records (record → its connection) by what they share; the order of the input does not matter.

    People come first. Then rule by rule, the most trusted first: two groups are joined unless a pair of them contradicts
    itself or was parted by a person, or both have a record of one connection. A group that fits several which exclude each
    other is joined with none of them. What is refused is for a person to review.
    """
    groups = _Groups(connections, edges, apart)
    for a, b in together:
        groups.join(a, b, "person")
    by_rule: dict[str, list[Edge]] = defaultdict(list)
    for edge in sorted(set(edges), key=lambda edge: (RANKS[edge.rule], edge.a, edge.b, edge.key)):
        by_rule[edge.rule].append(edge)
    for rule, shared in by_rule.items():
        groups.take(shared, within=rule in same_connection_rules)
    return groups.resolution()


class _Groups:
    """Groups of records while rules are applied."""

    def __init__(self, connections: Mapping[int, int], edges: Iterable[Edge], apart: Iterable[Pair]):
        self._connections = connections
        self._members = {record: frozenset({record}) for record in connections}
        self._against: dict[frozenset[int], str] = {frozenset(pair): "" for pair in apart}
        for edge in edges:
            if edge.contradiction:
                self._against.setdefault(frozenset((edge.a, edge.b)), edge.contradiction)
        self._parted = {frozenset(pair) for pair in apart}
        self._links: dict[int, str] = {}
        self._reviews: dict[frozenset[int], Review] = {}

    def join(self, a: int, b: int, rule: str) -> None:
        """Make one group of two."""
        joined = self._members[a] | self._members[b]
        for record in joined:
            self._members[record] = joined
        self._links.setdefault(a, rule)
        self._links.setdefault(b, rule)

    def take(self, edges: Sequence[Edge], *, within: bool) -> None:
        """Apply the edges of one rule. `within`: it may link two records of one connection."""
        open_edges = [edge for edge in edges if self._members[edge.a] != self._members[edge.b]]
        for edge in edges:
            if edge not in open_edges:
                self._note(edge)
        possible = [edge for edge in open_edges if not self._refused(edge, within)]
        ambiguous = self._ambiguous(possible, within)
        for edge in possible:
            if edge in ambiguous:
                self._review(edge, "several_candidates", "more than one record fits")
            else:
                self.join(edge.a, edge.b, edge.rule)

    def resolution(self) -> Resolution:
        """Return what came out; questions that a more trusted rule answered are not asked."""
        clusters = sorted(set(self._members.values()), key=min)
        asked = [review for review in self._reviews.values() if self._members[review.a] != self._members[review.b]]
        return Resolution(clusters, dict(sorted(self._links.items())), sorted(asked))

    def _note(self, edge: Edge) -> None:
        """Remember the most trusted reason of records that are together already."""
        if frozenset((edge.a, edge.b)) not in self._against:
            self._links.setdefault(edge.a, edge.rule)
            self._links.setdefault(edge.b, edge.rule)

    def _refused(self, edge: Edge, within: bool) -> bool:
        pair = frozenset((edge.a, edge.b))
        if pair in self._parted:
            return True
        against = edge.contradiction or self._speaks_against(self._members[edge.a], self._members[edge.b])
        if against is not None:
            self._review(edge, "contradiction", against or "a person parted others of them")
        elif not within and self._share_a_connection(self._members[edge.a], self._members[edge.b]):
            self._review(edge, "one_connection", "both have a record of one connection")
        else:
            return False
        return True

    def _review(self, edge: Edge, reason: str, why: str) -> None:
        said = f"{PHRASES[edge.rule]} {edge.key}".strip()
        self._reviews.setdefault(frozenset((edge.a, edge.b)), Review(edge.a, edge.b, edge.rule, reason, f"{said}, {why}"))

    def _speaks_against(self, one: Collection[int], other: Collection[int]) -> str | None:
        found = [self._against[pair] for a in one for b in other if (pair := frozenset((a, b))) in self._against]
        return min(found) if found else None

    def _share_a_connection(self, one: Iterable[int], other: Iterable[int]) -> bool:
        return not {self._connections[a] for a in one}.isdisjoint(self._connections[b] for b in other)

    def _exclude(self, one: frozenset[int], other: frozenset[int], within: bool) -> bool:
        """Return whether two groups may not be one."""
        if one == other:
            return False
        return self._speaks_against(one, other) is not None or (not within and self._share_a_connection(one, other))

    def _ambiguous(self, edges: Sequence[Edge], within: bool) -> set[Edge]:
        """Return the edges of groups that fit several others which exclude each other, directly or through a chain."""
        fits: dict[frozenset[int], set[frozenset[int]]] = defaultdict(set)
        for edge in edges:
            one, other = self._members[edge.a], self._members[edge.b]
            fits[one].add(other)
            fits[other].add(one)
        torn = {group for group, others in fits.items() if self._any_exclude(others, within)}
        refused = {edge for edge in edges if self._members[edge.a] in torn or self._members[edge.b] in torn}
        chains = _components([(self._members[edge.a], self._members[edge.b]) for edge in edges if edge not in refused])
        for chain in chains:
            if self._any_exclude(chain, within):
                refused |= {edge for edge in edges if self._members[edge.a] in chain}
        return refused

    def _any_exclude(self, groups: Collection[frozenset[int]], within: bool) -> bool:
        listed = sorted(groups, key=min)
        return any(self._exclude(one, other, within) for at, one in enumerate(listed) for other in listed[at + 1 :])


def _components(pairs: Iterable[tuple[frozenset[int], frozenset[int]]]) -> list[set[frozenset[int]]]:
    """Return what hangs together."""
    of: dict[frozenset[int], set[frozenset[int]]] = {}
    for one, other in pairs:
        joined = of.get(one, {one}) | of.get(other, {other})
        for group in joined:
            of[group] = joined
    return list({id(joined): joined for joined in of.values()}.values())
