import json
import shlex
import signal
import socket
import subprocess
from pathlib import Path

import httpx
from PIL import Image

from config.local.installation import locked
from tests.local.conftest import Up
from tests.local.up_process import UpProcess, still_alive

NO_NETWORK = {
    "MODELS_MIRROR_URL": "http://127.0.0.1:9",
    "PIP_NO_INDEX": "1",
    "npm_config_offline": "true",
}
RUNNING = "Ctrl-C stops everything."


def test_it_runs_then_stops_without_a_trace_then_runs_again_with_all_its_data(
    up: Up, data_dir: Path, tmp_path: Path
) -> None:
    first = up(BOOTSTRAP_OWNER="ada@example.com:correct-horse-battery")
    first.wait_for(RUNNING)
    record = json.loads((data_dir / "first-run.json").read_text())
    assert (data_dir / "first-run.json").stat().st_mode & 0o777 == 0o600
    assert record["url"] == f"http://127.0.0.1:{first.port}"
    assert (record["email"], record["password"]) == ("ada@example.com", "correct-horse-battery")
    assert all(value in first.output for value in record.values())
    run_printed_curl_line(first, in_directory=tmp_path)
    with Image.open(tmp_path / "cutout.png") as cutout:
        assert (cutout.format, cutout.mode) == ("PNG", "RGBA")
    assert len(finished_jobs(record)) == 2, "the sample, and ours"

    processes = first.children
    first.send(signal.SIGTERM)
    first.send(signal.SIGINT)
    assert first.wait() == 0
    assert still_alive(processes) == []

    second = up(PORT=first.port)
    second.wait_for(RUNNING)
    assert record["password"] not in second.output
    assert str(data_dir / "first-run.json") in second.output
    assert len(finished_jobs(record)) == 2


def test_a_taken_port_is_one_line_before_anything_starts(up: Up, data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = up(PORT=str(port))
        assert process.wait() == 1
    (line,) = process.output.splitlines()
    assert f"Port {port} is not free" in line
    assert f"make up PORT={port + 1}" in line
    assert not data_dir.exists()


def test_a_port_that_is_no_number_is_one_line(up: Up) -> None:
    process = up(PORT="http")
    assert process.wait() == 1
    assert process.output == "  ✗ PORT must be a number from 1 to 65535, not 'http'.\n"


def test_a_folder_in_use_is_one_line(up: Up, data_dir: Path) -> None:
    with locked(data_dir):
        process = up()
        assert process.wait() == 1
    (line,) = process.output.splitlines()
    assert f"already runs on {data_dir}" in line


def test_without_the_default_model_it_does_not_start(up: Up, tmp_path: Path) -> None:
    process = up(MODELS_DIR=str(tmp_path / "models"), **NO_NETWORK)
    assert process.wait() == 1
    assert "The default model u2netp is missing" in process.output
    assert "PostgreSQL" not in process.output


def test_a_step_that_fails_half_way_leaves_no_process(up: Up, data_dir: Path) -> None:
    process = up(BOOTSTRAP_OWNER="nobody")
    process.wait_for("Database schema")
    children = process.children
    assert process.wait() == 1
    assert "BOOTSTRAP_OWNER must be email:password." in process.output
    assert children
    assert still_alive(children) == []


def test_a_signal_in_the_middle_of_a_start_leaves_no_process(up: Up) -> None:
    process = up()
    process.wait_for("PostgreSQL and Valkey")
    children = process.children
    process.send(signal.SIGINT)
    assert process.wait() == 0
    assert children
    assert still_alive(children) == []


def test_a_killed_supervisor_takes_its_children_along(up: Up) -> None:
    process = up()
    process.wait_for("PostgreSQL and Valkey")
    children = process.children
    process.send(signal.SIGKILL)
    process.wait()
    assert children
    assert still_alive(children) == []


def run_printed_curl_line(process: UpProcess, *, in_directory: Path) -> None:
    (line,) = (line for line in process.output.splitlines() if line.startswith("  curl "))
    subprocess.run(shlex.split(line), cwd=in_directory, check=True)


def finished_jobs(record: dict[str, str]) -> list[dict[str, object]]:
    headers = {"Authorization": f"Bearer {record['api_key']}"}
    answer = httpx.get(f"{record['url']}/api/v1/jobs", headers=headers).raise_for_status().json()
    return [job for job in answer["results"] if job["state"] == "succeeded"]
