"""Secrets: what goes in comes out, from its own row only, through any rotation of keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.database.encryption import bound, decrypt, encrypt, generate_key, is_current, key_id
from crm_pipeline.errors import ConfigurationError

KEYS = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=4, unique_by=key_id)
PLACES = st.builds(bound, st.just("sync.connections"), st.integers(1, 10**9), st.sampled_from(["secrets", "token"]))


@given(KEYS, st.binary(), PLACES)
def test_what_goes_in_comes_out(keys, plaintext, place):
    assert decrypt(keys, encrypt(keys, plaintext, place), place) == plaintext


@given(KEYS, st.binary(min_size=8), PLACES, PLACES)
def test_a_value_moved_to_another_row_or_field_fails(keys, plaintext, place, other):
    value = encrypt(keys, plaintext, place)
    if other == place:
        other += "x"
    with pytest.raises(ConfigurationError, match="does not belong to"):
        decrypt(keys, value, other)


@given(KEYS, st.binary(), PLACES, st.data())
def test_a_changed_byte_anywhere_fails(keys, plaintext, place, data):
    value = bytearray(encrypt(keys, plaintext, place))
    position = data.draw(st.integers(0, len(value) - 1))
    value[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ConfigurationError):
        decrypt(keys, bytes(value), place)


@given(KEYS, st.binary(), PLACES, st.integers(0, 200))
def test_a_cut_value_fails(keys, plaintext, place, length):
    value = encrypt(keys, plaintext, place)
    with pytest.raises(ConfigurationError):
        decrypt(keys, value[: min(length, len(value) - 1)], place)


@given(KEYS, st.binary(), PLACES)
def test_rotation_reads_old_values_and_writes_with_the_newest_key(keys, plaintext, place):
    old = encrypt(keys, plaintext, place)
    rotated = [generate_key(), *keys]
    assert decrypt(rotated, old, place) == plaintext
    assert not is_current(rotated, old)
    new = encrypt(rotated, decrypt(rotated, old, place), place)
    assert is_current(rotated, new)
    with pytest.raises(ConfigurationError, match="not in CRM_ENCRYPTION_KEY"):
        decrypt(keys, new, place)


@given(st.binary(min_size=8))
def test_one_plaintext_never_looks_the_same_twice_nor_shows_through(plaintext):
    keys = [generate_key()]
    first, second = (encrypt(keys, plaintext, "t:1:f") for _ in range(2))
    assert first != second and plaintext not in first


def test_without_a_key_there_is_a_sentence():
    with pytest.raises(ConfigurationError, match="CRM_ENCRYPTION_KEY"):
        encrypt([], b"x", "t:1:f")


def test_the_drivers_memoryview_is_read(encryption_keys):
    assert decrypt(encryption_keys, memoryview(encrypt(encryption_keys, b"x", "t:1:f")), "t:1:f") == b"x"
