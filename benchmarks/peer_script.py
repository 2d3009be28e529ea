"""Run by a peer's own Python, in its own environment: `peer_script.py gbstats|confseq INPUTS.npz`; prints JSON.

Imports nothing of ours, so that what the peer computes depends on the peer alone.
"""

import json
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

LOOKS = 100
ITS_THRESHOLD = 0.001  # of GrowthBook's check for sample-ratio mismatch


def best(work: Callable[[], Any], repeat: int, loops: int) -> float:
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        for _ in range(loops):
            work()
        taken.append((time.perf_counter() - began) / loops)
    return min(taken)


def summary(first: Any, per_look: float) -> tuple[float, float, float]:
    units = np.where(first >= 0, first + 1, LOOKS) * per_look
    return float((first >= 0).mean()), float(units.mean()), float(np.median(units))


def described(name: str, first: Any, per_look: float) -> str:
    power, mean, middle = summary(first, per_look)
    if name.startswith("power "):
        return f"{power:.3f}, mean {mean:.0f}, median {middle:.0f} ({len(first)} runs)"
    return f"{power:.4f} ({len(first)} runs)"


def each_case(data: Any, crossed: Callable[..., bool]) -> dict[str, str]:
    """`crossed(n_c, mean_c, m2_c, n_t, mean_t, m2_t)` for one look of one experiment."""
    found: dict[str, str] = {}
    for name in sorted({key.split("|")[0] for key in data.files if "|" in key}):
        n_c, n_t = data[f"{name}|nc"], data[f"{name}|nt"]
        rows = [data[f"{name}|{part}"] for part in ("meanc", "m2c", "meant", "m2t")]
        first = np.full(len(rows[0]), -1)
        for run in range(len(first)):
            for k in range(len(n_c)):
                if min(n_c[k], n_t[k]) < 2:  # noqa: PLR2004  below two units nobody says anything
                    continue
                if crossed(n_c[k], rows[0][run, k], rows[1][run, k], n_t[k], rows[2][run, k], rows[3][run, k]):
                    first[run] = k
                    break
        found[name] = described(name, first, n_c[-1] / LOOKS)
    return found


class GrowthBook:
    """Its sequential test as its own users call it."""

    def __init__(self) -> None:
        from gbstats.frequentist import tests  # type: ignore[import-not-found]  # noqa: PLC0415  one peer a process
        from gbstats.models.statistics import SampleMeanStatistic  # type: ignore[import-not-found]  # noqa: PLC0415  as above

        self._arm, self._test = SampleMeanStatistic, tests.SequentialTwoSidedTTest
        self._config = {kind: tests.SequentialConfig(difference_type=kind) for kind in ("absolute", "relative")}

    def from_sums(self, n: float, total: float, square: float) -> Any:
        return self._arm(n=int(n), sum=float(total), sum_squares=float(square))

    def arm(self, n: float, mean: float, m2: float) -> Any:
        return self.from_sums(n, n * mean, m2 + n * mean * mean)

    def result(self, control: Any, treatment: Any, kind: str = "absolute") -> Any:
        return self._test(control, treatment, self._config[kind]).compute_result()

    def rejects(self, control: Any, treatment: Any, kind: str = "absolute") -> bool:
        result = self.result(control, treatment, kind)
        return bool(result.error_message is None and (result.ci[0] > 0 or result.ci[1] < 0))

    def crossed(self, n_c: float, mean_c: float, m2_c: float, n_t: float, mean_t: float, m2_t: float) -> bool:
        return self.rejects(self.arm(n_c, mean_c, m2_c), self.arm(n_t, mean_t, m2_t))

    def contradicts_itself(self, mean: float, v_c: float, times: float, v_t: float) -> bool:
        """At a treatment mean on the border of the absolute test."""
        n = 1000
        control, level = self.arm(n, mean, v_c * n * (n - 1)), v_t * n * (n - 1)
        edge = self.result(control, self.arm(n, mean, level)).ci[1]
        treatment = self.arm(n, mean + times * edge, level)
        return self.rejects(control, treatment) != self.rejects(control, treatment, "relative")


def gbstats(data: Any, borderline: Any, far: Any) -> dict[str, str]:
    from gbstats.utils import check_srm  # type: ignore[import-not-found]  # noqa: PLC0415  one peer a process

    peer = GrowthBook()
    found = each_case(data, peer.crossed)
    flagged = [
        any(check_srm([100 * (k + 1) - t, t], [0.5, 0.5]) < ITS_THRESHOLD for k, t in enumerate(row))
        for row in data["srm"]
    ]
    result = peer.result(*(peer.from_sums(*sums) for sums in far))
    huge = peer.result(peer.arm(1e6, 1.0, 1e6), peer.arm(1e6, 1.1, 1e6))
    taken = best(lambda: peer.crossed(5000, 0.32, 1088.0, 5000, 0.34, 1122.0), 10, 100)
    return found | {
        "srm": f"{np.mean(flagged):.4f} (p < .001, {len(flagged)} runs)",
        "lift": str(sum(peer.contradicts_itself(*case) for case in borderline)),
        "offset": result.error_message or f"{abs(result.expected / 3.000001e-6 - 1):.0e} off",
        "ratio": f"p = {huge.p_value}",
        "speed 1": f"{taken * 1e6:.0f} us",
        "speed 1000": f"{taken * 1e6:.0f} ms",
        "speed 100000": f"{taken * 1e8:.0f} ms (no vectorised form: times n)",
    }


def confseq(data: Any, borderline: Any, far: Any) -> dict[str, str]:
    from confseq.boundaries import normal_mixture_bound  # type: ignore[import-not-found]  # noqa: PLC0415  one peer a process

    best_at: dict[str, float] = {}

    def crossed(n_c: float, mean_c: float, m2_c: float, n_t: float, mean_t: float, m2_t: float) -> bool:
        variance = m2_c / (n_c - 1) / n_c + m2_t / (n_t - 1) / n_t
        if not variance > 0:
            return False
        v, v_opt = 1.0 / variance, best_at["v"]
        return bool(abs((mean_t - mean_c) * v) > normal_mixture_bound(v, 0.05, v_opt, 0.05, is_one_sided=False))

    found: dict[str, str] = {}
    for name in sorted({key.split("|")[0] for key in data.files if "|" in key}):
        last = [float(np.median(data[f"{name}|{part}"][:, -1])) for part in ("m2c", "m2t")]
        n = float(data[f"{name}|nc"][-1])
        best_at["v"] = n * (n - 1) / max(sum(last), 1e-300)
        found.update(each_case(_Only(data, name), crossed))
    one = best(lambda: crossed(5000, 0.32, 1088.0, 5000, 0.34, 1122.0), 10, 200)
    found["speed 1"] = f"{one * 1e6:.1f} us"
    for count in (1000, 100_000):
        v = np.linspace(1e3, 1e5, count)
        taken = best(partial(normal_mixture_bound, v, 0.05, 1e4, 0.05, is_one_sided=False), 10, 1)
        found[f"speed {count}"] = f"{taken * 1e3:.2f} ms (bound only)"
    return found


class _Only:
    """One case of the inputs."""

    def __init__(self, data: Any, name: str) -> None:
        self.data, self.files = data, [key for key in data.files if key.startswith(f"{name}|")]

    def __getitem__(self, key: str) -> Any:
        return self.data[key]


def main() -> None:
    peer, path = sys.argv[1:3]
    with open(path.replace(".npz", ".json")) as file:  # noqa: PTH123  as old as the peer asks
        others = json.load(file)
    found = {"gbstats": gbstats, "confseq": confseq}[peer](np.load(path), others["borderline"], others["far"])
    assert all(math.isfinite(len(value)) for value in found.values())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
