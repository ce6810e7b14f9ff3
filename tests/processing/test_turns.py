from uuid import uuid4

import pytest

from processing.turns import NoTurn, Turns


def test_a_tenant_has_two_thirds_and_others_the_rest() -> None:
    turns, one, other = Turns(3), uuid4(), uuid4()
    with turns.taken_by(one), turns.taken_by(one):
        with pytest.raises(NoTurn), turns.taken_by(one):
            pass
        with turns.taken_by(other), pytest.raises(NoTurn), turns.taken_by(other):
            pass
    with turns.taken_by(one):
        pass


def test_a_turn_is_given_back_after_an_error() -> None:
    turns, one = Turns(1), uuid4()
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), turns.taken_by(one):
            raise ValueError("x")
