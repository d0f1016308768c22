"""`keys rotate`: with two keys everything is encrypted anew, then the new one alone is enough."""

import base64
import os

import pytest

from crm_pipeline_tests.cli.conftest import Office
from crm_pipeline_tests.cli.refusal import assert_refused

pytestmark = pytest.mark.slow


def test_after_a_rotation_only_the_new_key_is_needed(office: Office) -> None:
    old, new = office.operator.encryption_key, base64.b64encode(os.urandom(32)).decode()
    test = ("connections", "test", "amo")
    assert_refused(office.operator.run(*test, CRM_ENCRYPTION_KEY=new), 1, "old key behind the new")
    assert office.operator.run(*test, CRM_ENCRYPTION_KEY=f"{new},{old}").returncode == 0, "both are read meanwhile"
    rotated = office.operator.run("keys", "rotate", "--json", CRM_ENCRYPTION_KEY=f"{new},{old}")
    assert (rotated.returncode, rotated.stdout.split()) == (0, ["{", '"changed":', "2", "}"])
    assert office.operator.run(*test, CRM_ENCRYPTION_KEY=new).returncode == 0
    assert_refused(office.operator.run(*test), 1, "key")
    again = office.operator.run("keys", "rotate", CRM_ENCRYPTION_KEY=f"{new},{old}")
    assert again.stdout.startswith("0 connections")
    assert_refused(office.operator.run("keys", "rotate", CRM_ENCRYPTION_KEY=old), 1, "key")
