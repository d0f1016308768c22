"""How a command says no: an exit code, and one sentence on standard error that says what to do."""

from subprocess import CompletedProcess


def assert_refused(done: CompletedProcess[str], code: int, *words: str) -> None:
    """Assert the exit code, one line on standard error with these words, and no traceback anywhere."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert "should not have happened" not in done.stderr
    said = done.stderr.strip()
    assert said.startswith("crm-pipeline: "), said
    assert "\n" not in said, said
    for word in words:
        assert word in said, said
