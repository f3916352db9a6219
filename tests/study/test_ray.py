"""Ray: the same tasks end the same as with local processes, on one machine or several nodes."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from pointillist.core.errors import InputError
from pointillist.core.extras import install
from pointillist.study import execute, local, ray_engine
from pointillist.study.engine import TRIES, Outcome, Started
from pointillist.study.execute import run_study
from pointillist.study.local import Local
from pointillist.study.ray_engine import Expected, OnRay, carry_out, computed_with
from pointillist.study.table import write_table
from tests.study.test_local import children_of
from tests.study.test_study import small
from tests.study.work import act, payloads

ROOT = Path(__file__).parents[2]


QUICK = {
    "health_check_initial_delay_ms": 500,
    "health_check_period_ms": 300,
    "health_check_timeout_ms": 500,
    "health_check_failure_threshold": 3,
}
"""So that a test need not wait as long as a cluster would until it gives a node up."""


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
    hows = ("write", "raise", "kill", "refuse", "raise once", "write", "hang", "crash", "write")
    news = list(OnRay(workers=2, cpus=1, hung_s=20).run(act, payloads(tmp_path, *hows)))
    ended = {one.number: one for one in news if isinstance(one, Outcome)}
    assert [ended[n].tries for n in range(9)] == [1, TRIES, TRIES, 1, 2, 1, TRIES, TRIES, 1]
    assert {n for n in ended if ended[n].error is None} == {0, 4, 5, 8}
    assert "the process did nothing for 20 s and was ended, at " in str(ended[6].error)
    assert "the process died, at " in str(ended[7].error)
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

    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": QUICK}
    cluster = Cluster(initialize_head=True, head_node_args=head)
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
            its = below(lost.all_processes["raylet"][0].process.pid)
            cluster.remove_node(lost, allow_graceful=False)
            # Its workers end after it; one that hears too late that it may go on would just end its task.
            while any(Path(f"/proc/{one}").exists() for one in its) and time.monotonic() < deadline:
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


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give local processes as many cores as the nodes of a test have: equal runs give equal bits."""
    monkeypatch.setattr(local, "cores_each", lambda workers: 1)


@pytest.mark.usefixtures("one_thread")
def test_r03_a_node_that_was_cut_off_comes_back_and_changes_nothing(
    tmp_path: Path, ray: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All processes of a node stop while one trains; when its run has begun elsewhere, they go on."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_grpc_client_keepalive_time_ms", "2000")
    monkeypatch.setenv("RAY_grpc_client_keepalive_timeout_ms", "3000")
    study, cut_off, came_back = small(), list[int](), threading.Event()
    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": QUICK}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        nodes = [cluster.head_node, cluster.add_node(num_cpus=1)]
        engine = OnRay(address=cluster.address, cpus=1)
        here = ray.get_runtime_context().get_node_id()
        other = next(node for node in nodes if node.node_id != here)
        raylet = other.all_processes["raylet"][0].process.pid

        def cut() -> None:
            deadline = time.monotonic() + 60
            while not (trains := {*below(raylet)} & holders(tmp_path)) and time.monotonic() < deadline:
                time.sleep(0.005)
            if trains:
                cut_off.extend([raylet, *below(raylet)])
                tell(cut_off, signal.SIGSTOP)

        def watch(cell: Any, news: Started | Outcome) -> None:
            if isinstance(news, Started) and news.tries == 2:
                tell(cut_off, signal.SIGCONT)
                came_back.set()

        cutting = threading.Thread(target=cut)
        cutting.start()
        assert run_study(study, tmp_path, engine, watch) == []
        cutting.join()
        assert came_back.is_set(), "a run of the node was begun elsewhere"
        found = write_table(study, tmp_path).read_text()
    finally:
        tell(cut_off, signal.SIGCONT)
        ray.shutdown()
        cluster.shutdown()
    assert run_study(study, tmp_path / "serial", Local(1), lambda cell, news: None) == []
    assert found == write_table(study, tmp_path / "serial").read_text()
    assert write_table(study, tmp_path).read_text() == found, "nor does what came back write later"


def below(process: int) -> list[int]:
    """List the processes below one."""
    found = []
    with suppress(OSError):
        for child in children_of(process):
            found += [child, *below(child)]
    return found


def holders(folder: Path) -> set[int]:
    """List the processes that train."""
    found = set()
    for path in (folder / "runs").glob("*/.holder"):
        with suppress(OSError):
            found.add(int(path.read_text().split()[1]))
    return found


def tell(processes: list[int], what: signal.Signals) -> None:
    """Send a signal to those that are still there."""
    for process in processes:
        with suppress(OSError):
            os.kill(process, what)


DRIVE = """
import sys
from pathlib import Path
from pointillist.study.execute import run_study
from pointillist.study.ray_engine import OnRay
from tests.study.test_study import small
run_study(small(seeds=4), Path(sys.argv[1]), OnRay(address=sys.argv[2], cpus=1), lambda cell, news: None)
"""


@pytest.mark.usefixtures("one_thread", "ray")
def test_r02_the_cluster_s_head_and_the_driver_are_lost_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "2")
    study, results = small(seeds=4), tmp_path / "results"
    killed = []
    for victim in ("driver", "gcs_server", None):
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
        done = len(list(results.glob("*.json")))
        command = [sys.executable, "-c", DRIVE, str(tmp_path), cluster.address]
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 120
            while victim and driver.poll() is None and time.monotonic() < deadline:
                if len(list(results.glob("*.json"))) > done:
                    head = cluster.head_node.all_processes
                    tell([driver.pid if victim == "driver" else head[victim][0].process.pid], signal.SIGKILL)
                    killed.append(victim)
                    break
                time.sleep(0.02)
            ended = driver.wait(120)
        finally:
            driver.kill()
            cluster.shutdown()
        # Without its head a driver may yet end what it has begun, and all of it if little is left.
        assert victim == "gcs_server" or ended == (-signal.SIGKILL if victim else 0)
    assert killed == ["driver", "gcs_server"]
    assert run_study(study, tmp_path / "serial", Local(1), lambda cell, news: None) == []
    assert write_table(study, tmp_path).read_text() == write_table(study, tmp_path / "serial").read_text()


def test_r08_other_versions_are_refused_with_the_difference(tmp_path: Path) -> None:
    expected = Expected({**computed_with(), "torch": "1.0.0"}, 60)
    error, final = carry_out(act, payloads(tmp_path, "write")[0], expected, None, 0)
    assert final
    assert f"torch {computed_with()['torch']} for 1.0.0" in str(error)
    assert not (tmp_path / "task-0").exists()
    assert carry_out(act, payloads(tmp_path, "refuse")[0], Expected(computed_with(), 60), Mock(), 0)[1]


@pytest.mark.usefixtures("ray")
def test_what_no_node_has_is_refused_and_a_small_node_gets_what_it_can() -> None:
    with pytest.raises(InputError, match=r"a node must have a core and 0\.5 GPU; got at most"):
        OnRay(gpus=0.5)
    assert OnRay(cpus=10_000).cpus == os.cpu_count()


def test_r11_there_is_no_dashboard_and_nobody_comes_in_without_the_token(tmp_path: Path, ray: Any) -> None:
    with closing(OnRay(workers=1, cpus=1).run(act, payloads(tmp_path, "wait"))) as running:
        assert isinstance(next(running), Started)
        # Ray keeps its own process of that name, without pages, and for this machine alone.
        dashboards = [said for said in children_of(os.getpid()).values() if b"dashboard/dashboard.py" in said]
        assert all(b"--minimal" in said and b"--host=127.0.0.1" in said for said in dashboards)
        come_in = (
            f"import ray; ray.init(address={ray.get_runtime_context().gcs_address!r}, log_to_driver=False); "
            "print('came in', len(ray.nodes()))"
        )
        for token, comes in (("fedcba9876543210" * 4, False), (os.environ["RAY_AUTH_TOKEN"], True)):
            environment = {**os.environ, "RAY_AUTH_TOKEN": token}
            done = subprocess.run(
                [sys.executable, "-c", come_in], env=environment, capture_output=True, text=True, timeout=120
            )
            assert ("came in 1" in done.stdout) == comes, done.stderr[-600:]


def test_r11_a_ray_that_asks_for_no_token_is_refused(monkeypatch: pytest.MonkeyPatch, ray: Any) -> None:
    monkeypatch.setattr(ray, "__version__", "2.51.2")
    with pytest.raises(InputError, match=r"at least 2\.52, which asks for a token; got 2\.51\.2"):
        list(OnRay(workers=1).run(act, []))


def test_r11_what_workers_are_sent_is_plain_data(tmp_path: Path) -> None:
    study = small(seeds=1)
    for cell in study.cells:
        payload = execute._payload(study, cell, tmp_path, "hash", 1)
        assert json.loads(json.dumps(payload)) == payload


def test_r09_without_ray_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=re.escape(install("ray"))):
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
