"""The Merkle tree against the definitions of the standard: every proof verifies, and no single change to one does."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.ledger.proof.paths import (
    ProofBroken,
    list_consistency_ranges,
    list_inclusion_ranges,
    list_proof_nodes,
    make_proof,
    verify_consistency,
    verify_inclusion,
)
from accounts.ledger.proof.tree import (
    EMPTY_ROOT,
    Frontier,
    Node,
    TreeUnfit,
    hash_leaf,
    hash_range,
    list_nodes,
)
from tests.pure.ledger import naive

SIZES = st.integers(1, 130)


def grow(size: int) -> tuple[list[bytes], dict[Node, bytes], list[bytes]]:
    """Leaves, all complete nodes and the root at every size from 0."""
    leaves = [b"leaf %d" % number for number in range(size)]
    nodes: dict[Node, bytes] = {}
    frontier, roots = Frontier(), [Frontier().root()]
    for leaf in leaves:
        nodes |= frontier.append(hash_leaf(leaf))
        roots.append(frontier.root())
    return leaves, nodes, roots


LEAVES, NODES, ROOTS = grow(130)


def test_an_empty_tree_has_the_hash_of_nothing_as_its_root() -> None:
    assert ROOTS[0] == EMPTY_ROOT == sha256(b"").digest()


@pytest.mark.parametrize("size", range(131))
def test_the_root_is_that_of_the_standards_definition_at_every_size(size: int) -> None:
    assert ROOTS[size] == naive.tree_hash(LEAVES[:size])


def test_a_tree_of_n_leaves_completes_fewer_than_two_n_nodes_and_none_changes() -> None:
    assert len(NODES) < 2 * len(LEAVES)
    for (level, place), hashed in NODES.items():
        assert hashed == naive.tree_hash(LEAVES[place << level : (place + 1) << level])


@given(st.integers(0, 130), st.integers(0, 130))
def test_any_range_of_leaves_is_hashed_from_few_stored_nodes(one: int, other: int) -> None:
    start, end = sorted((one, other))
    nodes = list_nodes(start, end)
    covered = [leaf for level, place in nodes for leaf in range(place << level, (place + 1) << level)]
    assert covered == list(range(start, end))
    assert len(nodes) <= 2 * 8
    if start == 0:
        assert hash_range(NODES, start, end) == naive.tree_hash(LEAVES[:end])


@given(SIZES, st.data())
def test_every_inclusion_proof_is_the_standards_and_verifies(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = make_proof(list_inclusion_ranges(index, size), NODES)
    assert proof == naive.path(index, LEAVES[:size])
    verify_inclusion(index, size, hash_leaf(LEAVES[index]), proof, ROOTS[size])


@given(SIZES, SIZES)
def test_every_consistency_proof_is_the_standards_and_verifies(one: int, other: int) -> None:
    old, new = sorted((one, other))
    proof = make_proof(list_consistency_ranges(old, new), NODES)
    assert proof == naive.consistency(old, LEAVES[:new])
    verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)


def flip(content: bytes, bit: int) -> bytes:
    """The bytes with one bit turned."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


BITS = st.integers(0, 255)


def damage(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    """The proof with one hash changed, left out, repeated or put in, or two exchanged; never the proof itself."""
    place = data.draw(st.integers(0, max(len(proof) - 1, 0)))
    kinds = ["insert"] + (["flip", "drop", "cut"] if proof else [])
    kind = data.draw(st.sampled_from(kinds))
    if kind == "insert":
        return [*proof[:place], data.draw(st.sampled_from([EMPTY_ROOT, b"", *ROOTS[1:4]])), *proof[place:]]
    if kind == "flip":
        return [*proof[:place], flip(proof[place], data.draw(BITS)), *proof[place + 1 :]]
    if kind == "cut":
        return [*proof[:place], proof[place][:-1], *proof[place + 1 :]]
    return [*proof[:place], *proof[place + 1 :]]


@given(SIZES, st.data())
@settings(max_examples=300)
def test_no_single_change_to_an_inclusion_proof_verifies(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaf, root = hash_leaf(LEAVES[index]), ROOTS[size]
    proof = make_proof(list_inclusion_ranges(index, size), NODES)
    bit = data.draw(BITS)
    changed = [
        (index, size, flip(leaf, bit), proof, root),
        (index, size, leaf, proof, flip(root, bit)),
        (index, size, leaf, damage(proof, data), root),
        (data.draw(st.integers(-2, 140).filter(lambda other: other != index)), size, leaf, proof, root),
    ]
    for question in changed:
        with pytest.raises(ProofBroken):
            verify_inclusion(*question)


@given(SIZES, SIZES, st.data())
@settings(max_examples=300)
def test_no_single_change_to_a_consistency_proof_verifies(one: int, other: int, data: st.DataObject) -> None:
    old, new = sorted((one, other))
    proof = make_proof(list_consistency_ranges(old, new), NODES)
    older, newer, bit = ROOTS[old], ROOTS[new], data.draw(BITS)
    changed = [
        (old, new, flip(older, bit), newer, proof),
        (old, new, older, flip(newer, bit), proof),
        (old, new, older, newer, damage(proof, data)),
    ]
    if old != new:
        changed.append((new, old, newer, older, proof))
        changed.append((0, new, EMPTY_ROOT, newer, proof))
    for question in changed:
        with pytest.raises(ProofBroken):
            verify_consistency(*question)


@given(SIZES, SIZES)
def test_a_changed_past_is_not_consistent_with_what_was_seen(one: int, other: int) -> None:
    """The log rewrites its first leaf and proves its new self as well as it can."""
    old, new = sorted((one, other))
    _, nodes, roots = grow(0)
    frontier = Frontier()
    for leaf in [b"another", *LEAVES[1:new]]:
        nodes |= frontier.append(hash_leaf(leaf))
        roots.append(frontier.root())
    proof = make_proof(list_consistency_ranges(old, new), nodes)
    with pytest.raises(ProofBroken):
        verify_consistency(old, new, ROOTS[old], roots[new], proof)


def test_a_leaf_cannot_be_taken_for_a_node() -> None:
    """The prefixes: without them the two hashes of a node would be the content of a leaf with the node's hash."""
    left, right = hash_leaf(LEAVES[0]), hash_leaf(LEAVES[1])
    assert hash_leaf(left + right) != ROOTS[2]
    with pytest.raises(ProofBroken):
        verify_inclusion(0, 1, hash_leaf(left + right), [], ROOTS[2])


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_proofs_in_a_huge_log_need_few_nodes(one: int, more: int) -> None:
    index, size = one, one + more
    ranges = list_inclusion_ranges(index, size)
    assert len(ranges) <= size.bit_length()
    assert len(list_proof_nodes(ranges)) <= 2 * size.bit_length()
    assert len(list_proof_nodes(list_consistency_ranges(index + 1, size))) <= 3 * size.bit_length()


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (3, 3)])
def test_no_proof_is_asked_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(TreeUnfit):
        list_inclusion_ranges(index, size)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 3), (4, 3), (-1, 3)])
def test_no_proof_leads_from_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(TreeUnfit):
        list_consistency_ranges(old, new)


@pytest.mark.parametrize("size", [1, 2, 3, 64, 100, 129])
def test_a_tree_grows_on_from_its_stored_edge(size: int) -> None:
    frontier = Frontier(size, [NODES[node] for node in list_nodes(0, size)])
    assert frontier.root() == ROOTS[size]
    frontier.append(hash_leaf(LEAVES[size]))
    assert frontier.root() == ROOTS[size + 1]


@pytest.mark.parametrize(
    ("size", "hashes"), [(-1, []), (1, []), (3, [EMPTY_ROOT]), (0, [EMPTY_ROOT]), (1, [b"short"])]
)
def test_an_edge_that_no_tree_has_is_refused(size: int, hashes: list[bytes]) -> None:
    with pytest.raises(TreeUnfit):
        Frontier(size, hashes)
