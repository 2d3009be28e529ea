"""Every question that can be asked, told apart by its `test`."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from runtime.analysis.differences import Difference, KnownSigma, Lift, Merge, TMixture
from runtime.analysis.limits import OneSided, RateLimit, Srm, Tuning, Verdict
from runtime.analysis.many import EBh, ELond
from runtime.analysis.peers import AsymptoticCs
from runtime.analysis.planning import Plan
from runtime.analysis.series import Boundaries, Hybrid, Sequence

Request = Annotated[
    Difference
    | Merge
    | KnownSigma
    | TMixture
    | AsymptoticCs
    | OneSided
    | RateLimit
    | Srm
    | Sequence
    | EBh
    | ELond
    | Lift
    | Tuning
    | Verdict
    | Boundaries
    | Hybrid
    | Plan,
    Field(discriminator="test"),
]

REQUESTS: TypeAdapter[Request] = TypeAdapter(Request)


def parse(values: dict[str, Any]) -> Request:
    return REQUESTS.validate_python(values)
