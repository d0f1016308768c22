"""Encrypting what must not be read from the tables: AES-256-GCM, bound to the row and field it belongs to.

    4 bytes     which key (the start of its SHA-256), so that old values stay readable while keys are rotated
    12 bytes    nonce, random
    the rest    ciphertext and tag

A value copied to another row, table or field does not decrypt. What belongs here: bytes in, bytes out. Where keys come from
is in settings, which rows hold secrets is in the stages.
"""

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crm_pipeline.errors import ConfigurationError

KEY_ID = 4
NONCE = 12
TAG = 16
NO_KEY = "No encryption key is given."
WRONG_KEY = "This secret was encrypted with a key that is not in CRM_ENCRYPTION_KEY."
BROKEN = "This secret does not belong to {bound_to}, or was changed."


def generate_key() -> bytes:
    """Return a new random key, 32 bytes."""
    return AESGCM.generate_key(bit_length=256)


def bound(table: str, row_id: object, field: str) -> str:
    """Return what a value is bound to, as `encrypt` and `decrypt` take it: `table:row id:field`."""
    return f"{table}:{row_id}:{field}"


def key_id(key: bytes) -> bytes:
    """Return the first bytes of every value that this key encrypts."""
    return hashlib.sha256(b"crm-pipeline key id" + key).digest()[:KEY_ID]


def encrypt(keys: Sequence[bytes], plaintext: bytes, bound_to: str) -> bytes:
    """Encrypt with the newest key (the first). Raises ConfigurationError without one."""
    if not keys:
        raise ConfigurationError(NO_KEY, what_to_do="Set CRM_ENCRYPTION_KEY.")
    nonce = os.urandom(NONCE)
    return key_id(keys[0]) + nonce + AESGCM(keys[0]).encrypt(nonce, plaintext, bound_to.encode())


def decrypt(keys: Sequence[bytes], value: bytes | memoryview, bound_to: str) -> bytes:
    """Decrypt with whichever of the keys made the value; the driver's memoryview is fine.

    Raises ConfigurationError when no key fits, or when the value belongs elsewhere or was changed.
    """
    value = bytes(value)
    mark, nonce, sealed = value[:KEY_ID], value[KEY_ID : KEY_ID + NONCE], value[KEY_ID + NONCE :]
    fitting = [key for key in keys if key_id(key) == mark]
    if not fitting:
        raise ConfigurationError(WRONG_KEY, what_to_do="Add the old key behind the new one, or connect again.")
    if len(sealed) < TAG:
        raise ConfigurationError(BROKEN.format(bound_to=bound_to), what_to_do="Connect again.")
    try:
        return AESGCM(fitting[0]).decrypt(nonce, sealed, bound_to.encode())
    except InvalidTag:
        raise ConfigurationError(BROKEN.format(bound_to=bound_to), what_to_do="Connect again.") from None


def is_current(keys: Sequence[bytes], value: bytes | memoryview) -> bool:
    """Return whether the newest key made this value; if not, `keys rotate` has it to do."""
    return bool(keys) and bytes(value[:KEY_ID]) == key_id(keys[0])
