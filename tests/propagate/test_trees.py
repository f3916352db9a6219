"""The trees answer as scikit-learn's forest does, and leave the process's warnings alone."""

import threading
import warnings

import numpy as np
import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils import parallel

from pointillist.propagate.trees import FEW, SCARCE, Committee, ExtraTrees


def pixels(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.choice([0, 2, 5], count, p=[0.7, 0.2, 0.1])
    return (rng.normal(size=(count, 6)) + labels[:, None]).astype(np.float32), labels


def forest(seed: int, labels: np.ndarray) -> ExtraTreesClassifier:
    return ExtraTreesClassifier(
        n_estimators=40,
        max_features=0.3,
        min_samples_leaf=2 if np.unique(labels, return_counts=True)[1].min() >= SCARCE else 1,
        max_leaf_nodes=1024,
        class_weight="balanced",
        random_state=seed,
    )


@pytest.mark.parametrize("count", [30, FEW + 500])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_answer_is_scikit_learns(count: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    learnt, asked = pixels(count), pixels(200, seed=1)[0]
    ours, theirs = ExtraTrees(3).fit(*learnt), forest(3, learnt[1]).fit(*learnt)
    assert ours.classes_.tolist() == theirs.classes_.tolist() == [0, 2, 5]
    np.testing.assert_allclose(ours.predict_proba(asked), theirs.predict_proba(asked), atol=1e-12)


def test_one_pixel_of_each_class_is_enough_to_tell_them_apart() -> None:
    trees = ExtraTrees(0).fit(np.array([[0.1, 0.2], [0.9, 0.7]], np.float32), np.array([0, 1]))
    probs = trees.predict_proba(np.array([[0.12, 0.2], [0.9, 0.68]], np.float32))
    assert probs[0, 0] > 0.8
    assert probs[1, 1] > 0.8


def test_a_committee_is_the_mean_of_its_members() -> None:
    learnt, asked = pixels(60), pixels(200, seed=1)[0]
    theirs = VotingClassifier(
        [("line", LogisticRegression()), ("trees", forest(0, learnt[1]))], voting="soft"
    ).fit(*learnt)
    ours = Committee([LogisticRegression(), ExtraTrees(0)]).fit(*learnt)
    np.testing.assert_allclose(ours.predict_proba(asked), theirs.predict_proba(asked), atol=1e-12)


def test_threads_that_learn_beside_each_other_leave_the_warning_filters_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("scikit-learn's own threads reset the filters that all threads share")

    monkeypatch.setattr(parallel._FuncWrapper, "__call__", never)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    before, filters = list(warnings.filters), warnings.filters
    learnt = pixels(FEW + 100)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for seed in range(3):
                ExtraTrees(seed).fit(*learnt).predict_proba(learnt[0])
        except BaseException as error:
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []
    assert warnings.filters is filters
    assert list(warnings.filters) == before
