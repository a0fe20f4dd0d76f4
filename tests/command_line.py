"""What tests of the `fastgrasp` command share: running it in process."""

from fastgrasp_model import cli


def run(capsys, *words) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `fastgrasp WORDS`."""
    code = cli.main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def refused(capsys, *words, code: int = 2) -> str:
    """The one line of error of a command that must fail: nothing on stdout, no traceback."""
    found, out, err = run(capsys, *words)
    assert found == code, (found, out, err)
    lines = [line for line in err.splitlines() if "warning" not in line]
    assert len(lines) == 1 and lines[0].startswith(f"fastgrasp {words[0]}: error: "), err
    assert "Traceback" not in err and out == ""
    return lines[0]
