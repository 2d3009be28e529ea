"""The agent's order book: which builds are asked for and how far each is, in a file that survives the agent."""

from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from demo.coding import Work
from demo.files import write_atomic

State = Literal["waiting", "reported", "refused", "late"]


class Order(BaseModel):
    """`data` of a dispatch; the token is for this run only."""

    model_config = ConfigDict(extra="ignore")

    run_id: str = Field(min_length=1, max_length=200)
    experiment_id: str = Field(min_length=1, max_length=200)
    mcp_url: str = Field(pattern=r"^https?://")
    token: str = Field(min_length=1)
    deadline: AwareDatetime
    brief_url: str = ""
    built_url: str = ""


class Dispatch(BaseModel):
    """The signed body that asks for a build."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["experiment.build.requested"]
    data: Order


class Build(BaseModel):
    """One order and what became of it; `work` is kept before a file is written, so a repeat makes the same diff."""

    order: Order
    state: State = "waiting"
    detail: str = ""
    attempts: int = 0
    work: Work | None = None


class Shelf(BaseModel):
    builds: dict[str, Build] = Field(default_factory=dict)


class OrderBook:
    """Builds by run id; the file is readable by its owner only, since it holds tokens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8") if path.exists() else "{}"
        self.shelf = Shelf.model_validate_json(text)

    def take(self, order: Order) -> Build:
        """The build of this run; asking twice changes nothing."""
        build = self.shelf.builds.get(order.run_id)
        if build is None:
            build = Build(order=order)
            self.keep(build)
        return build

    def keep(self, build: Build) -> None:
        self.shelf.builds[build.order.run_id] = build
        write_atomic(self.path, self.shelf.model_dump_json(indent=1), mode=0o600)

    def waiting(self) -> list[Build]:
        return [build for build in self.shelf.builds.values() if build.state == "waiting"]

    def knows_experiment(self, experiment_id: str) -> bool:
        return any(build.order.experiment_id == experiment_id for build in self.shelf.builds.values())
