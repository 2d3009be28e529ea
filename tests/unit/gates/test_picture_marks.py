"""Packages of simulated numbers are marked beside the numbers and on the chart, and nothing else of them changes."""

import pytest

from runtime.gates.pictures import marked

ORIGIN = {"source": "shop", "simulated": False, "snapshot_id": "s-1"}
PACKAGE = {"headline": "Ship it?", "provenance": {"source": "shop"}, "chart": {"kind": "effect", "provenance": ORIGIN}}


def test_a_simulated_package_is_marked_beside_its_numbers_and_on_its_chart():
    found = marked(PACKAGE, simulated=True)
    assert found["provenance"] == {"source": "shop", "simulated": True}
    assert found["chart"] == {"kind": "effect", "provenance": ORIGIN | {"simulated": True}}
    assert found["headline"] == "Ship it?"


@pytest.mark.parametrize("package", [{"provenance": {}, "chart": None}, {}])
def test_a_package_without_a_chart_or_an_origin_is_marked_as_well(package):
    assert marked(package, simulated=True) == package | {"provenance": {"simulated": True}}


def test_other_packages_stay_as_they_are_and_none_is_changed_in_place():
    assert marked(PACKAGE, simulated=False) == PACKAGE
    assert marked(PACKAGE, simulated=True) is not PACKAGE
    assert PACKAGE["provenance"] == {"source": "shop"}
    assert ORIGIN["simulated"] is False
