"""How one experiment's call stands beside the others of its outcome: figures as they are frozen in the snapshot of gate 3."""

import json
from math import inf, log

import pytest

from runtime.measurement.portfolio import standing


@pytest.mark.parametrize(("own", "others", "survives", "rejected"), [(70.0, [1.0, 1.0], True, 1), (30.0, [1.0], False, 0), (30.0, [30.0], True, 2), (1.0, [50.0], False, 1)])  # fmt: skip
def test_a_call_holds_when_its_e_value_reaches_what_the_company_asks_for(
    own: float, others: list[float], *, survives: bool, rejected: int
) -> None:
    found = standing(log(own), [log(other) for other in others], 0.05)
    assert (found["survives"], found["rejected"], found["experiments"]) == (survives, rejected, 1 + len(others))
    assert found["survives"] == (found["log_e"] >= found["threshold"])


def test_evidence_beyond_any_float_is_kept_as_a_word() -> None:
    found = standing(inf, [0.0], 0.05)
    assert (found["log_e"], found["survives"]) == ("inf", True)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
