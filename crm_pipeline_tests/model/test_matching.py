"""Parting a group of linked records: the laws, whatever records and keys there are."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.model.matching import RANKS, Edge, Resolution, resolve

RECORDS = 8
RULES = ("external_id", "email", "phone")
Pair = tuple[int, int]
Case = tuple[dict[int, int], list[Edge], list[Pair], list[Pair]]

PAIRS = st.sampled_from(list(combinations(range(RECORDS), 2)))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    connections = dict(enumerate(draw(st.lists(st.integers(1, 4), min_size=RECORDS, max_size=RECORDS))))
    against = draw(st.dictionaries(PAIRS, st.just("first names differ: Иван, Игорь"), max_size=4))
    keyed = draw(st.lists(st.tuples(PAIRS, st.sampled_from(RULES), st.sampled_from("xyz")), max_size=14, unique=True))
    edges = [Edge(*pair, rule, key, against.get(pair)) for pair, rule, key in keyed]
    decided = draw(st.dictionaries(PAIRS, st.booleans(), max_size=3))
    together = [pair for pair, joined in decided.items() if joined]
    apart = [pair for pair, joined in decided.items() if not joined]
    return connections, edges, together, [pair for pair in apart if not _joined(together, pair)]


def _joined(together: Sequence[Pair], pair: Pair) -> bool:
    """Tell whether a person's own decisions put a pair together by a chain: then their parting it is void here."""
    found = resolve({record: record for record in range(RECORDS)}, [], together)
    return any(set(pair) <= cluster for cluster in found.clusters)


def _of(case: Case) -> Resolution:
    return resolve(*case)


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_input_does_not_matter(case: Case, chance: Random) -> None:
    connections, edges, together, apart = case
    records = list(connections.items())
    for listed in (records, edges, together, apart):
        chance.shuffle(listed)
    found = resolve(dict(records), edges, together, apart)
    connections, edges, together, apart = case
    assert found == resolve(connections, sorted(edges, key=str), sorted(together), sorted(apart))


@given(cases())
def test_the_ends_of_an_edge_may_be_named_in_either_order(case: Case) -> None:
    connections, edges, together, apart = case
    turned = [Edge(edge.b, edge.a, edge.rule, edge.key, edge.contradiction) for edge in edges]
    assert _of(case).clusters == resolve(connections, turned, [(b, a) for a, b in together], [(b, a) for a, b in apart]).clusters


@given(cases(), st.integers(1, 1000))
def test_numbers_mean_nothing(case: Case, shift: int) -> None:
    connections, edges, together, apart = case

    def other(record: int) -> int:
        return (RECORDS - 1 - record) * 3 + shift

    found = resolve(
        {other(record): connection for record, connection in connections.items()},
        [Edge(other(edge.a), other(edge.b), edge.rule, edge.key, edge.contradiction) for edge in edges],
        [(other(a), other(b)) for a, b in together],
        [(other(a), other(b)) for a, b in apart],
    )
    assert {frozenset(map(other, cluster)) for cluster in _of(case).clusters} == set(found.clusters)


@given(cases())
def test_records_are_in_one_cluster_each_and_links_come_from_edges(case: Case) -> None:
    connections, edges, together, _ = case
    found = _of(case)
    assert sorted(record for cluster in found.clusters for record in cluster) == sorted(connections)
    offered = {(end, edge.rule) for edge in edges for end in (edge.a, edge.b)} | {
        (end, "person") for pair in together for end in pair
    }
    assert set(found.links.items()) <= offered
    assert set(found.links) == {record for cluster in found.clusters if len(cluster) > 1 for record in cluster}


@given(cases())
def test_only_people_put_two_records_of_one_connection_together(case: Case) -> None:
    connections, _, together, _ = case
    for cluster in _of(case).clusters:
        for pair in combinations(sorted(cluster), 2):
            if connections[pair[0]] == connections[pair[1]]:
                assert _joined(together, pair)


@given(cases())
def test_what_contradicts_itself_or_was_parted_is_never_together(case: Case) -> None:
    _, edges, together, apart = case
    clusters = _of(case).clusters
    for pair in [*apart, *((edge.a, edge.b) for edge in edges if edge.contradiction)]:
        assert not any(set(pair) <= cluster for cluster in clusters) or _joined(together, pair)


@given(cases())
def test_what_people_put_together_stays_together(case: Case) -> None:
    clusters = _of(case).clusters
    for pair in case[2]:
        assert any(set(pair) <= cluster for cluster in clusters)


@given(cases())
def test_refused_edges_explain_themselves_and_are_not_within_a_cluster(case: Case) -> None:
    found = _of(case)
    for review in found.reviews:
        assert not any({review.a, review.b} <= cluster for cluster in found.clusters)
        assert review.explanation and review.rule in RULES
        assert {review.a, review.b} not in map(set, case[3]), "a person has decided that already"


@given(cases())
def test_every_refused_edge_is_reviewed_unless_a_person_parted_it(case: Case) -> None:
    _, edges, _, apart = case
    found = _of(case)
    reviewed = {frozenset((review.a, review.b)) for review in found.reviews}
    for edge in edges:
        pair = frozenset((edge.a, edge.b))
        if not any(pair <= cluster for cluster in found.clusters) and pair not in map(frozenset, apart):
            assert pair in reviewed


@given(cases(), st.integers(1, 4))
def test_a_stranger_changes_nothing(case: Case, connection: int) -> None:
    connections, *rest = case
    found, alone = _of(case), resolve({**connections, 99: connection}, *rest)
    assert alone.reviews == found.reviews and alone.links == found.links
    assert alone.clusters == [*found.clusters, frozenset({99})]


def _resolved(connections: Mapping[int, int], *edges: Edge, within: frozenset[str] = frozenset()) -> Resolution:
    return resolve(connections, edges, (), (), within)


def test_a_refusal_reads_as_a_sentence() -> None:
    found = _resolved({1: 1, 2: 2}, Edge(1, 2, "phone", "+79001112233", "first names differ: Иван, Игорь"))
    assert [review.explanation for review in found.reviews] == ["same phone +79001112233, first names differ: Иван, Игорь"]


def test_the_more_trusted_key_wins_over_another_candidate() -> None:
    found = _resolved({1: 1, 2: 2, 3: 2}, Edge(1, 2, "email", "a@b.ru"), Edge(1, 3, "phone", "+7900"))
    assert found.clusters == [frozenset({1, 2}), frozenset({3})]
    assert [(review.a, review.b, review.reason) for review in found.reviews] == [(1, 3, "one_connection")]


def test_of_two_candidates_by_the_same_key_none_is_taken() -> None:
    found = _resolved({1: 1, 2: 2, 3: 2}, Edge(1, 2, "phone", "+7900"), Edge(1, 3, "phone", "+7900"))
    assert all(len(cluster) == 1 for cluster in found.clusters)
    assert {review.reason for review in found.reviews} == {"several_candidates"}


def test_one_connection_is_joined_within_where_the_rule_is_switched_on() -> None:
    edge = Edge(1, 2, "email", "a@b.ru")
    assert len(_resolved({1: 1, 2: 1}, edge).clusters) == 2
    assert _resolved({1: 1, 2: 1}, edge, within=frozenset({"email"})).clusters == [frozenset({1, 2})]


def test_people_come_first() -> None:
    assert min(RANKS, key=RANKS.__getitem__) == "person"
    edge = Edge(1, 2, "email", "a@b.ru", "names differ")
    assert resolve({1: 1, 2: 1}, [edge], [(1, 2)]).clusters == [frozenset({1, 2})]
    assert len(resolve({1: 1, 2: 2}, [Edge(1, 2, "marker", "x")], [], [(1, 2)]).clusters) == 2


@given(cases())
def test_what_was_refused_without_a_contradiction_may_as_well_not_be_there(case: Case) -> None:
    connections, edges, together, apart = case
    found = _of(case)
    refused = {frozenset((review.a, review.b)) for review in found.reviews}
    kept = [edge for edge in edges if edge.contradiction or frozenset((edge.a, edge.b)) not in refused]
    assert resolve(connections, kept, together, apart).clusters == found.clusters
