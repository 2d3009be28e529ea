import pytest

from charts import samples
from charts.models import Provenance


@pytest.fixture
def provenance() -> Provenance:
    return samples.effect().provenance


@pytest.fixture
def effect():
    return samples.effect()


@pytest.fixture
def portfolio():
    return samples.portfolio()


@pytest.fixture
def launch():
    return samples.launch()


@pytest.fixture
def signal():
    return samples.signal()


@pytest.fixture
def segments():
    return samples.segments()


@pytest.fixture
def funnel():
    return samples.funnel()


@pytest.fixture
def split():
    return samples.split()


@pytest.fixture
def calibration():
    return samples.calibration()


@pytest.fixture
def gantt():
    return samples.gantt()


@pytest.fixture
def guardrails():
    return samples.guardrails()


@pytest.fixture
def progress():
    return samples.progress()


@pytest.fixture
def every_chart():
    return tuple(sample() for sample in samples.SAMPLES.values())
