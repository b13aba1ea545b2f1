"""What command lines say is one sentence, whatever it came from."""

import pytest

from models.errors import ErrorscopeError
from models.terminal import BAD_INPUT, Parser, one_sentence, said


def test_a_message_of_many_lines_becomes_one() -> None:
    error = ErrorscopeError("The names\n differ.", next_step="Choose  others.")
    assert one_sentence(error) == "The names differ; choose others."
    assert one_sentence(ErrorscopeError("It is broken")) == "It is broken."


def test_a_wrong_option_is_said_without_all_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="tool")
    parser.add_argument("--size", type=int)
    with pytest.raises(ErrorscopeError) as caught:
        parser.parse_args(["--size", "big"])
    assert said(one_sentence(caught.value), BAD_INPUT) == 2
    assert capsys.readouterr().err == "Argument --size: invalid int value: 'big'; see tool --help.\n"
