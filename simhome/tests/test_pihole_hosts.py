"""Which records the simulated Pi-hole takes, and how it reads them."""

import pytest

from simhome.pihole_hosts import complaint, normalise, records


@pytest.mark.parametrize(
    "item",
    [
        pytest.param("10.0.0.1 baluhost.local", id="plain"),
        pytest.param("10.0.0.3 under_score.local", id="underscore"),
        pytest.param("10.0.0.3 -bad.local", id="leading dash"),
        pytest.param("10.0.0.4 multi1.local multi2.local", id="two names"),
        pytest.param("10.0.0.6 commented.local # managed!", id="comment"),
        pytest.param("fd00::7 v6.local", id="IPv6"),
    ],
)
def test_it_takes(item: str) -> None:
    assert complaint(item) is None


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        pytest.param("", 'neither a valid IPv4 nor IPv6 address ("")', id="empty"),
        pytest.param("x y", 'neither a valid IPv4 nor IPv6 address ("x")', id="no address"),
        pytest.param(
            "10.0.0.3", 'entry does not have at least one hostname ("10.0.0.3")', id="no name"
        ),
        pytest.param(
            "10.0.0.3 # x",
            'entry does not have at least one hostname ("10.0.0.3")',
            id="only a comment",
        ),
        pytest.param("10.0.0.3 a b!", 'invalid hostname ("b!")', id="bad second name"),
    ],
)
def test_it_refuses(item: str, reason: str) -> None:
    assert complaint(item) == reason


def test_spaces_are_made_single_and_comments_kept() -> None:
    assert normalise("10.0.0.1  a.local   # x") == "10.0.0.1 a.local # x"


def test_names_are_read_in_lower_case_and_comments_are_not_names() -> None:
    (record,) = records(["10.0.0.1 Upper.Local other. # comment", "nonsense", "10.0.0.2"])
    assert record.names == ("upper.local", "other")
    assert str(record.address) == "10.0.0.1"
