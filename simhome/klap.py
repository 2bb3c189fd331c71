"""The plug's side of KLAP v2: handshake, sessions and the encryption of requests.

All protocol facts: Tapo notes, section 4.1.
"""

import hashlib
import secrets
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from simhome.clock import Clock

SEED_BYTES = 16
SIGNATURE_BYTES = 32
SESSION_S = 86400
# How many sessions a plug holds at once is not known; this bounds the memory of a simulated one.
MAX_SESSIONS = 16
_BLOCK_BITS = 128


class KlapError(Exception):
    """A body that is not signed and encrypted with the session's keys."""


def auth_hash(username: str, password: str) -> bytes:
    """Return what both sides derive from the account; both parts are case-sensitive."""
    return _sha256(_sha1(username.encode()) + _sha1(password.encode()))


class KlapCipher:
    """Encrypts and decrypts with the keys of one session, for any sequence number."""

    def __init__(self, local_seed: bytes, remote_seed: bytes, auth: bytes) -> None:
        base = local_seed + remote_seed + auth
        self._key = _sha256(b"lsk" + base)[:16]
        self._signing_key = _sha256(b"ldk" + base)[:28]
        full_iv = _sha256(b"iv" + base)
        self._iv = full_iv[:12]
        self.first_sequence: int = struct.unpack(">i", full_iv[-4:])[0]

    def encrypt(self, sequence: int, plaintext: bytes) -> bytes:
        """Return signature and ciphertext; ``sequence`` is a signed 32-bit number."""
        padder = PKCS7(_BLOCK_BITS).padder()
        encryptor = self._cipher(sequence).encryptor()
        padded = padder.update(plaintext) + padder.finalize()
        ciphertext = encryptor.update(padded) + encryptor.finalize()
        return self._signature(sequence, ciphertext) + ciphertext

    def decrypt(self, sequence: int, body: bytes) -> bytes:
        """Return the plaintext of a body as ``encrypt`` makes it.

        Raises:
            KlapError: if sequence number, signature or padding do not fit this session.
        """
        if not -(2**31) <= sequence < 2**31:
            raise KlapError("The sequence number is out of range")
        signature, ciphertext = body[:SIGNATURE_BYTES], body[SIGNATURE_BYTES:]
        if not secrets.compare_digest(signature, self._signature(sequence, ciphertext)):
            raise KlapError("The signature does not fit")
        try:
            decryptor = self._cipher(sequence).decryptor()
            padded = decryptor.update(ciphertext) + decryptor.finalize()
            unpadder = PKCS7(_BLOCK_BITS).unpadder()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError as error:
            raise KlapError("The ciphertext is no whole number of padded blocks") from error

    def _cipher(self, sequence: int) -> Cipher[modes.CBC]:
        iv = self._iv + struct.pack(">i", sequence)
        return Cipher(algorithms.AES(self._key), modes.CBC(iv))

    def _signature(self, sequence: int, ciphertext: bytes) -> bytes:
        return _sha256(self._signing_key + struct.pack(">i", sequence) + ciphertext)


@dataclass
class _Session:
    local_seed: bytes
    remote_seed: bytes
    begun_s: float
    cipher: KlapCipher | None = None


class KlapSessions:
    """The sessions of one plug, by their cookie."""

    def __init__(self, auth: bytes, clock: Clock) -> None:
        """Accept those who know ``auth``; sessions end after a day of ``clock``."""
        self._auth = auth
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self.single = False  # whether a new login ends the one before (Tapo notes, section 7)

    def __len__(self) -> int:
        return sum(session.cipher is not None for session in self._sessions.values())

    def handshake1(self, local_seed: bytes) -> tuple[str, bytes]:
        """Begin a session; return its cookie and the 48-byte answer to the client's seed.

        The answer proves that the plug knows the account. A client that does not know it gives up
        here by itself.
        """
        while len(self._sessions) >= MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        cookie = secrets.token_hex(16).upper()
        remote_seed = secrets.token_bytes(SEED_BYTES)
        self._sessions[cookie] = _Session(local_seed, remote_seed, self._clock.monotonic())
        return cookie, remote_seed + _sha256(local_seed + remote_seed + self._auth)

    def handshake2(self, cookie: str, proof: bytes) -> bool:
        """Return whether the client has proved that it knows the account; it may talk then."""
        session = self._sessions.get(cookie)
        if session is None:
            return False
        if proof != _sha256(session.remote_seed + session.local_seed + self._auth):
            return False
        session.cipher = KlapCipher(session.local_seed, session.remote_seed, self._auth)
        if self.single:
            self._sessions = {cookie: session}
        return True

    def cipher(self, cookie: str) -> KlapCipher | None:
        """Return the keys of a session that is logged in; None if there is none (any more)."""
        session = self._sessions.get(cookie)
        if session is None:
            return None
        if self._clock.monotonic() - session.begun_s >= SESSION_S:
            del self._sessions[cookie]
            return None
        return session.cipher

    def drop_all(self) -> None:
        """End all sessions; their cookies are unknown from now on."""
        self._sessions.clear()


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
