"""What all tests of the command line share."""

import pytest

from rmab.cli.main import main


@pytest.fixture
def refused(capsys):
    """Run a command that must be refused; its one line."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        assert stop.value.code == 2
        seen = capsys.readouterr()
        assert seen.out == ""
        assert seen.err.count("\n") == 1
        assert "Traceback" not in seen.err
        assert seen.err.startswith("rmab: ")
        return seen.err

    return run
