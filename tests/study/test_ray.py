"""Ray: the same tasks end the same as with local processes, on one machine or several nodes."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pointillist.core.errors import InputError
from pointillist.study import ray_engine
from pointillist.study.engine import TRIES, Outcome, Started
from pointillist.study.execute import run_study
from pointillist.study.local import Local
from pointillist.study.ray_engine import OnRay, carry_out, computed_with
from pointillist.study.table import write_table
from tests.study.test_study import small
from tests.study.work import act, payloads

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Workers must find the tests; the token is this test's own."""
    paths = [str(ROOT), str(ROOT / "src")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef" * 4)
    found = pytest.importorskip("ray", reason="Ray is an optional extra")
    yield found
    found.shutdown()


@pytest.mark.usefixtures("ray")
def test_f15_what_fails_is_tried_again_told_and_leaves_the_others_alone(tmp_path: Path) -> None:
    hows = ("write", "raise", "kill", "refuse", "raise once", "write")
    news = list(OnRay(workers=2, cpus=1).run(act, payloads(tmp_path, *hows)))
    ended = {one.number: one for one in news if isinstance(one, Outcome)}
    assert [ended[n].tries for n in range(6)] == [1, TRIES, TRIES, 1, 2, 1]
    assert {n for n in ended if ended[n].error is None} == {0, 4, 5}
    assert "RuntimeError: out of luck" in str(ended[1].error)
    assert "the process died" in str(ended[2].error)
    assert "the data must be there; got nothing" in str(ended[3].error)
    assert sum(isinstance(one, Started) for one in news) == sum(one.tries for one in ended.values())
    assert (tmp_path / "task-0").read_text() == "1", "a task has its share of the cores"


@pytest.mark.usefixtures("ray")
def test_d04_the_table_is_that_of_local_processes(tmp_path: Path) -> None:
    tables = []
    for name, engine in (("local", Local(2)), ("ray", OnRay(workers=2))):
        study = small(seeds=1)
        assert run_study(study, tmp_path / name, engine, lambda cell, news: None) == []
        tables.append(write_table(study, tmp_path / name).read_text())
    assert tables[0] == tables[1]


def test_r02_two_nodes_one_of_which_is_lost(tmp_path: Path, ray: Any) -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        lost = cluster.add_node(num_cpus=1)
        engine = OnRay(address=cluster.address, cpus=1)
        assert engine.workers == 2

        def begun() -> int:
            return sum(len(path.read_text()) for path in tmp_path.glob("*.begun"))

        def lose() -> None:
            deadline = time.monotonic() + 60
            while begun() < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            cluster.remove_node(lost, allow_graceful=False)
            deadline = time.monotonic() + 60
            while begun() < 3 and time.monotonic() < deadline:
                time.sleep(0.05)
            (tmp_path / "go").touch()

        losing = threading.Thread(target=lose)
        losing.start()
        news = list(engine.run(act, payloads(tmp_path, "hold", "hold")))
        losing.join()
        outcomes = {one.number: one for one in news if isinstance(one, Outcome)}
        assert outcomes.keys() == {0, 1}
        assert all(one.error is None for one in outcomes.values())
        assert sorted(outcomes[n].tries for n in (0, 1)) == [1, 2], "the lost node's task was begun again"
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_r08_other_versions_are_refused_with_the_difference(tmp_path: Path) -> None:
    expected = {**computed_with(), "torch": "1.0.0"}
    error, final = carry_out(act, payloads(tmp_path, "write")[0], expected, None, 0)
    assert final
    assert f"torch {computed_with()['torch']} for 1.0.0" in str(error)
    assert not (tmp_path / "task-0").exists()
    assert carry_out(act, payloads(tmp_path, "refuse")[0], computed_with(), None, 0)[1]


@pytest.mark.usefixtures("ray")
def test_what_no_node_has_is_refused_and_a_small_node_gets_what_it_can() -> None:
    with pytest.raises(InputError, match=r"a node must have a core and 0\.5 GPU; got at most"):
        OnRay(gpus=0.5)
    assert OnRay(cpus=10_000).cpus == os.cpu_count()


def test_r09_without_ray_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'pointillist\[ray\]'"):
        ray_engine.OnRay()


def test_a_cluster_that_does_not_come_up_is_told_in_a_sentence(
    ray: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(**_: object) -> None:
        raise Exception("The current node timed out during startup.\nIts logs say more.")

    monkeypatch.setattr(ray, "init", hang)
    with pytest.raises(
        InputError, match=r"must answer at this machine; got The current node timed out"
    ) as told:
        OnRay(workers=1)
    assert "--engine local" in str(told.value)


def test_a_cluster_that_fails_without_a_word_is_told_by_the_kind_of_its_error(
    ray: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(InputError, match="got TimeoutError"):
        OnRay(workers=1)
