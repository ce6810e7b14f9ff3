import httpx
import pytest

from config.local.processes import ChildProcess
from processing.engine import providers


def test_it_lives(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}


def test_it_is_ready_and_says_what_is_warm_where(http: httpx.Client, worker: ChildProcess) -> None:
    answer = http.get("/readyz")
    assert answer.status_code == 200
    for process in answer.json()["workers"]:
        assert {"u2net", "u2netp"} <= set(process["warm"])
        assert process["provider"] in providers.PROVIDERS


def test_its_figures_can_be_scraped(http: httpx.Client, worker: ChildProcess) -> None:
    text = http.get("/metrics").text
    assert "mattery_queue_up 1.0" in text
    assert 'mattery_queue_length{queue="interactive"}' in text
    assert 'mattery_unfinished_jobs{state="queued"}' in text
    assert 'mattery_warm_processes{model="u2net",provider="' in text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_they_only_answer_questions(http: httpx.Client, path: str) -> None:
    assert http.post(path).status_code == 405
    assert http.head(path).content == b""


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_a_probe_comes_by_address(http: httpx.Client, path: str) -> None:
    assert http.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200
    assert http.get("/", headers={"Host": "10.1.2.3:8000"}).status_code == 400
