"""The rules for ``dns.hosts``."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pihole.records import ipv6_names, parse_item, wanted_items

NAMES = ("baluhost.local", "baluhost.lan")
B = "10.0.0.2"


@pytest.mark.parametrize(
    ("item", "names", "comment"),
    [
        pytest.param("10.0.0.1 baluhost.local", ("baluhost.local",), "", id="plain"),
        pytest.param("10.0.0.4 multi1.lan multi2.lan", ("multi1.lan", "multi2.lan"), "", id="two names"),
        pytest.param("10.0.0.6 named.local # managed", ("named.local",), "# managed", id="comment"),
        pytest.param("fd00::7 v6.local", ("v6.local",), "", id="IPv6"),
        pytest.param("10.0.0.3 -bad.local", ("-bad.local",), "", id="a leading dash is accepted"),
        pytest.param("10.0.0.5\tUpper.Local", ("Upper.Local",), "", id="tab and upper case"),
    ],
)  # fmt: skip
def test_it_reads_what_pihole_stores(item: str, names: tuple[str, ...], comment: str) -> None:
    parsed = parse_item(item)
    assert parsed is not None
    assert (parsed.names, parsed.comment) == (names, comment)


@pytest.mark.parametrize("item", ["", "nonsense", "10.0.0.3", "10.0.0.300 x", "# 10.0.0.1 x", " "])
def test_what_pihole_would_refuse_is_no_item(item: str) -> None:
    assert parse_item(item) is None


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        pytest.param([], ["10.0.0.2 a.local"], id="nothing there: added"),
        pytest.param(["10.0.0.2 a.local"], ["10.0.0.2 a.local"], id="right already"),
        pytest.param(["10.0.0.1 a.local"], ["10.0.0.2 a.local"], id="switched"),
        pytest.param(
            ["10.9.9.9 x", "10.0.0.1 a.local", "10.9.9.8 y"],
            ["10.9.9.9 x", "10.0.0.2 a.local", "10.9.9.8 y"],
            id="others and the position stay",
        ),
        pytest.param(
            ["10.0.0.1 a.local # the NAS"], ["10.0.0.2 a.local # the NAS"], id="a comment stays"
        ),
        pytest.param(
            ["10.0.0.2 a.local # the NAS"], ["10.0.0.2 a.local # the NAS"], id="right with comment"
        ),
        pytest.param(["10.0.0.2 A.Local"], ["10.0.0.2 A.Local"], id="right in upper case"),
        pytest.param(["10.0.0.1 A.LOCAL."], ["10.0.0.2 a.local"], id="upper case and final dot"),
        pytest.param(
            ["10.0.0.1 a.local", "10.0.0.2 a.local"], ["10.0.0.2 a.local"], id="two addresses"
        ),
        pytest.param(
            ["10.0.0.2 a.local", "10.0.0.2 a.local"], ["10.0.0.2 a.local"], id="an exact duplicate"
        ),
        pytest.param(
            ["10.0.0.1 old a.local alias # both"],
            ["10.0.0.1 old alias # both", "10.0.0.2 a.local"],
            id="taken off a shared line",
        ),
        pytest.param(
            ["10.0.0.2 a.local alias"],
            ["10.0.0.2 alias", "10.0.0.2 a.local"],
            id="a shared line is parted before it is in the way",
        ),
        pytest.param(
            ["10.0.0.1 a.local a.local"], ["10.0.0.2 a.local"], id="the same name twice in a line"
        ),
        pytest.param(
            ["fd00::7 a.local"], ["fd00::7 a.local", "10.0.0.2 a.local"], id="IPv6 is left alone"
        ),
        pytest.param(
            ["10.0.0.1 not.a.local", "10.0.0.1 a.local.example"],
            ["10.0.0.1 not.a.local", "10.0.0.1 a.local.example", "10.0.0.2 a.local"],
            id="names that only look like ours",
        ),
        pytest.param(["rubbish a.local"], ["rubbish a.local", "10.0.0.2 a.local"], id="rubbish"),
    ],
)
def test_the_list_becomes_what_is_wanted(items: list[str], wanted: list[str]) -> None:
    assert wanted_items(items, names=["a.local"], address="10.0.0.2") == wanted


def test_a_line_with_two_of_our_names_becomes_two_lines() -> None:
    items = ["10.0.0.1 baluhost.local baluhost.lan", "10.9.9.9 x"]
    assert wanted_items(items, names=NAMES, address=B) == [
        "10.0.0.2 baluhost.local",
        "10.0.0.2 baluhost.lan",
        "10.9.9.9 x",
    ]


@pytest.mark.parametrize("address", ["", " ", "127.0.0.1:8896", "fd00::1", "nas", "10.0.0"])
def test_what_is_no_ipv4_address_never_becomes_a_record(address: str) -> None:
    with pytest.raises(ValueError, match=r"Expected 4 octets|Address cannot be empty|Only decimal"):
        wanted_items([], names=["baluhost.local"], address=address)


def test_ipv6_records_of_our_names_are_told() -> None:
    items = ["fd00::7 Baluhost.Local other", "fd00::8 x", "10.0.0.1 baluhost.lan"]
    assert ipv6_names(items, NAMES) == ["baluhost.local"]


_ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.9.9.9", "fd00::7", "rubbish", ""])
_ANY_NAME = st.sampled_from([*NAMES, "BaluHost.LOCAL", "baluhost.lan.", "printer", "tv.lan", "nas"])
_COMMENTS = st.sampled_from(["", " # managed", " #", "# baluhost.local"])
_ITEMS = st.lists(
    st.one_of(
        st.builds(
            lambda address, names, gap, comment: f"{address}{gap}{gap.join(names)}{comment}",
            _ADDRESSES,
            st.lists(_ANY_NAME, max_size=4),
            st.sampled_from([" ", "  ", "\t"]),
            _COMMENTS,
        ),
        st.text(max_size=20),
    ),
    max_size=8,
)


def _our_names(item: str) -> list[str]:
    parsed = parse_item(item)
    if parsed is None or parsed.address.version == 6:
        return []
    return [name for name in (n.lower().rstrip(".") for n in parsed.names) if name in NAMES]


@given(items=_ITEMS)
def test_items_of_others_stay_byte_for_byte_and_in_order(items: list[str]) -> None:
    wanted = wanted_items(items, names=NAMES, address=B)
    foreign = [item for item in items if not _our_names(item)]
    left = iter(wanted)
    assert all(item in left for item in foreign)  # a subsequence
    assert Counter(foreign) <= Counter(wanted)


@given(items=_ITEMS)
def test_names_of_others_keep_their_addresses(items: list[str]) -> None:
    def foreign_pairs(listed: list[str]) -> Counter[tuple[str, str]]:
        parsed = [item for item in map(parse_item, listed) if item]
        return Counter(
            (str(item.address), name)
            for item in parsed
            for name in item.names
            if name.lower().rstrip(".") not in NAMES or item.address.version == 6
        )

    assert foreign_pairs(wanted_items(items, names=NAMES, address=B)) == foreign_pairs(items)


@given(items=_ITEMS)
def test_each_name_has_exactly_one_item_which_leads_to_the_address(items: list[str]) -> None:
    wanted = wanted_items(items, names=NAMES, address=B)
    ours = [(item.split()[0], _our_names(item)) for item in wanted if _our_names(item)]
    assert sorted(ours) == sorted((B, [name]) for name in NAMES)


@given(items=_ITEMS)
def test_doing_it_twice_does_it_once(items: list[str]) -> None:
    once = wanted_items(items, names=NAMES, address=B)
    assert wanted_items(once, names=NAMES, address=B) == once


@given(items=_ITEMS)
def test_many_switches_leave_no_trace(items: list[str]) -> None:
    def there_and_back(listed: list[str]) -> list[str]:
        away = wanted_items(listed, names=NAMES, address="10.0.0.1")
        return wanted_items(away, names=NAMES, address=B)

    once = there_and_back(items)
    assert there_and_back(there_and_back(once)) == once
