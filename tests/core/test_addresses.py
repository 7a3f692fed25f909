"""Buckets of addresses: which network is counted, how fast it fills up again, and that memory is bounded."""

from __future__ import annotations

import pytest

from jupyter_totp_auth.core.addresses import AddressBuckets

AT = 1_800_000_000


def spend(buckets: AddressBuckets, address: str, count: int, *, at: int = AT) -> int:
    """How many of ``count`` tries pass."""
    return sum(buckets.take(address, at=at) is None for _ in range(count))


def test_twenty_at_once_and_then_ten_a_minute() -> None:
    buckets = AddressBuckets(20)
    assert spend(buckets, "192.0.2.1", 50) == 20
    assert buckets.take("192.0.2.1", at=AT) == 6
    assert buckets.take("192.0.2.1", at=AT + 5) == 1
    assert spend(buckets, "192.0.2.1", 50, at=AT + 6) == 1
    assert spend(buckets, "192.0.2.1", 50, at=AT + 66) == 10
    assert spend(buckets, "192.0.2.1", 50, at=AT + 10_000) == 20


def test_addresses_have_buckets_of_their_own() -> None:
    buckets = AddressBuckets(3)
    assert spend(buckets, "192.0.2.1", 9) == 3
    assert spend(buckets, "192.0.2.2", 9) == 3


def test_an_ipv4_address_written_as_ipv6_is_the_same() -> None:
    buckets = AddressBuckets(4)
    assert spend(buckets, "::ffff:192.0.2.1", 2) == 2
    assert spend(buckets, "192.0.2.1", 9) == 2
    assert spend(buckets, "::ffff:192.0.2.2", 9) == 4


def test_an_ipv6_network_of_64_bits_is_one_client_and_one_of_48_has_eight_times_as_many() -> None:
    buckets = AddressBuckets(5)
    assert sum(spend(buckets, f"2001:db8:1:1::{host:x}", 1) for host in range(1000)) == 5
    assert sum(spend(buckets, f"2001:db8:1:{net:x}::1", 1) for net in range(2, 1000)) == 35
    assert spend(buckets, "2001:db8:2:1::1", 9) == 5


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "unix", "", "?"])
def test_this_machine_itself_is_not_counted(address: str) -> None:
    buckets = AddressBuckets(1)
    assert spend(buckets, address, 100) == 100
    assert len(buckets) == 0


def test_zero_is_no_limit() -> None:
    assert spend(AddressBuckets(0), "192.0.2.1", 100) == 100


def test_full_buckets_are_forgotten_and_there_are_never_more_than_the_bound() -> None:
    buckets = AddressBuckets(20, most=100)
    for number in range(1000):
        buckets.take(f"198.18.{number // 256}.{number % 256}", at=AT)
        assert len(buckets) <= 100
    buckets.take("192.0.2.1", at=AT + 3600)
    assert len(buckets) == 1


def test_a_clock_set_back_does_not_shut_anybody_out_for_long() -> None:
    buckets = AddressBuckets(20)
    spend(buckets, "192.0.2.1", 20, at=AT + 86_400)
    assert buckets.take("192.0.2.1", at=AT) == 6
    assert buckets.take("192.0.2.1", at=AT + 6) == 6, "as if it were empty now"
    spend(buckets, "192.0.2.2", 19, at=AT + 86_400)
    assert buckets.take("192.0.2.2", at=AT) == 6


def test_another_burst_holds_from_then_on_for_those_who_have_tried_as_well() -> None:
    buckets = AddressBuckets(2)
    assert [buckets.take("203.0.113.7", at=0) for _ in range(2)] == [None, None]
    assert buckets.take("203.0.113.7", at=0) is not None
    buckets.burst = 20
    assert buckets.take("203.0.113.7", at=12) is None
    buckets.burst = 0
    assert buckets.take("203.0.113.7", at=12) is None
