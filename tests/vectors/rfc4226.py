"""RFC 4226, Appendix D: HOTP over SHA-1, six digits, counters 0 to 9."""

from __future__ import annotations

SECRET = b"12345678901234567890"

HOTP = (
    "755224",
    "287082",
    "359152",
    "969429",
    "338314",
    "254676",
    "287922",
    "162583",
    "399871",
    "520489",
)
