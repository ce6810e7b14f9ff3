"""One tree of errors, one shape of answers."""

import json
import re
from collections import Counter
from importlib import import_module

import pytest
from django.test import RequestFactory

import api.errors
from config.errors import MatteryError
from config.logs import redact_secrets

ERRORS = list(MatteryError.concrete())


def test_every_code_belongs_to_one_error() -> None:
    repeated = [code for code, count in Counter(error.code for error in ERRORS).items() if count > 1]
    assert repeated == []


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_an_error_is_complete(error: type[MatteryError]) -> None:
    assert re.fullmatch(r"[a-z0-9_]{3,40}", error.code)
    assert 400 <= error.status < 600
    assert error.title
    assert not error.title.endswith(".")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_every_error_has_the_one_shape(error: type[MatteryError]) -> None:
    request = RequestFactory().get("/api/v1/jobs", headers={"X-Request-ID": "x"})
    response = api.errors.problem(request, error("What to do next.", retry_after_s=3))
    assert response.status_code == error.status
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content).keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert response["Retry-After"] == "3"
    assert ("WWW-Authenticate" in response) == (error.status == 401)


def test_what_nobody_expected_tells_nothing_of_our_insides() -> None:
    error = api.errors.translated(RuntimeError("password=hunter2"))
    assert error.status == 500
    assert "hunter2" not in error.detail


@pytest.mark.parametrize("module", ["accounts", "processing", "processing.engine", "api"])
def test_a_tree_that_is_drawn_is_the_tree_that_is_there(module: str) -> None:
    drawing = import_module(f"{module}.errors").__doc__ or ""
    drawn = set(re.findall(r"(\w+) +(\d{3}) (\w+)$", drawing, re.MULTILINE))
    there = {
        (error.__name__, str(error.status), error.code) for error in ERRORS if error.__module__ == f"{module}.errors"
    }
    assert drawn == there


def test_keys_do_not_reach_the_log() -> None:
    key = "mat_live_" + "a1B2" * 12
    event = redact_secrets(None, "info", {"event": f"refused {key}", "path": f"/x?key={key}"})
    assert key not in str(event)
    assert "mat_live_a1B2…" in event["event"]


def test_nor_do_the_secrets_of_webhooks() -> None:
    event = redact_secrets(None, "info", {"event": "made whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "n": 1})
    assert event == {"event": "made whsec_…", "n": 1}
