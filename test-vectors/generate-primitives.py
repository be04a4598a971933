#!/usr/bin/env python3
"""Makes test-vectors/primitives/*.json with implementations that Litz has no part in.

BLAKE2s and HMAC come from Python's hashlib and hmac, ChaCha20-Poly1305 from the `cryptography`
package (OpenSSL), timestamps from integer arithmetic. Inputs are written out, not random.

    python3 test-vectors/generate-primitives.py
"""

import hashlib
import hmac
import json
import pathlib

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

HERE = pathlib.Path(__file__).parent / "primitives"


def pattern(length, seed):
    """Bytes that are not all the same and do not repeat every 256."""
    return bytes((i * 7 + (i >> 8) * 13 + seed) & 0xFF for i in range(length))


def blake2s():
    lengths = [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 1024]
    hashes = [
        {"input": pattern(n, 1).hex(), "hash": hashlib.blake2s(pattern(n, 1)).hexdigest()}
        for n in lengths
    ]
    macs = [
        {
            "key": pattern(size, 2).hex(),
            "input": pattern(n, 3).hex(),
            "mac": hashlib.blake2s(pattern(n, 3), key=pattern(size, 2), digest_size=16).hexdigest(),
        }
        for size in (16, 32)
        for n in lengths + [116, 132, 60, 76]
    ]
    hmacs = [
        {
            "key": pattern(size, 4).hex(),
            "input": pattern(n, 5).hex(),
            "hmac": hmac.new(pattern(size, 4), pattern(n, 5), hashlib.blake2s).hexdigest(),
        }
        for size in (32,)
        for n in lengths
    ]
    return {
        "description": "BLAKE2s as WireGuard uses it: hash (32 bytes), keyed (16 bytes), HMAC (32 bytes)",
        "hash": hashes,
        "mac": macs,
        "hmac": hmacs,
    }


def aead():
    tests = []
    counters = [0, 1, 255, 2**31, 2**32 - 1, 2**32, 2**40 + 5, 2**52, 2**53 - 2**13 - 2]
    for number, counter in enumerate(counters):
        tests.append((counter, 48, 32, number))
    for number, length in enumerate([0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 576, 1420]):
        tests.append((number, length, 0, number))
    for number, auth in enumerate([1, 15, 16, 17, 32, 64]):
        tests.append((number, 32, auth, number))
    result = []
    for counter, length, auth_length, seed in tests:
        key, plain, auth = pattern(32, seed), pattern(length, seed + 1), pattern(auth_length, seed + 2)
        nonce = b"\0\0\0\0" + counter.to_bytes(8, "little")
        sealed = ChaCha20Poly1305(key).encrypt(nonce, plain, auth)
        result.append(
            {
                "key": key.hex(),
                "counter": counter,
                "plain": plain.hex(),
                "auth": auth.hex(),
                "sealed": sealed.hex(),
            }
        )
    return {
        "description": "ChaCha20-Poly1305 with the nonce of WireGuard: 4 zero bytes, 64-bit little-endian counter",
        "tests": result,
    }


def tai64n():
    tests = []
    for milliseconds in [
        0, 1, 16, 17, 989, 990, 999, 1000, 1001, 1700000000000, 1700000000123, 1700000000999,
        2**32 * 1000, (2**32 - 10) * 1000 - 1, (2**32 - 10) * 1000, 4102444800500,
    ]:
        seconds, rest = divmod(milliseconds, 1000)
        nanoseconds = rest * 1_000_000
        nanoseconds -= nanoseconds % 2**24
        label = 0x400000000000000A + seconds
        stamp = label.to_bytes(8, "big") + nanoseconds.to_bytes(4, "big")
        tests.append({"unixMilliseconds": milliseconds, "timestamp": stamp.hex()})
    return {
        "description": "TAI64N as the Linux kernel writes it: nanoseconds rounded down to a multiple of 2^24",
        "tests": tests,
    }


for name, make in {"blake2s": blake2s, "aead-counter": aead, "tai64n": tai64n}.items():
    (HERE / f"{name}.json").write_text(json.dumps(make(), indent=1) + "\n")
