from typing import Literal

import pytest
from pydantic import ValidationError

from nas.parameters.section import Knob, Section, knob, knob_of


class Slic(Section):
    compactness: float = knob("how square", gt=0)


class Parameters(Section):
    seed: int
    kind: Literal["first", "image"] = knob("which", of="slic.names", also=("raw",), shipped="first")
    slic: Slic = knob("of slic", entries={"compactness": "see there"})


CONTENT = {"seed": 3, "kind": "first", "slic": {"compactness": 10}}


def test_a_section_is_read_as_it_is_and_cannot_be_changed():
    parameters = Parameters.model_validate(CONTENT)
    assert parameters.model_dump() == CONTENT and parameters.slic.compactness == 10.0
    with pytest.raises(ValidationError, match="frozen"):
        parameters.seed = 4


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"new": 1}, "extra_forbidden"),
        ({"slic": {"compactness": 1, "new": 1}}, "extra_forbidden"),
        ({"seed": "3"}, "int_type"),
        ({"seed": 3.0}, "int_type"),
        ({"seed": True}, "int_type"),
        ({"kind": "huge"}, "literal_error"),
        ({"slic": {"compactness": 0}}, "greater_than"),
    ],
)
def test_unknown_keys_other_types_and_values_beyond_the_limits_are_refused(changes, kind):
    with pytest.raises(ValidationError) as caught:
        Parameters.model_validate(CONTENT | changes)
    assert [error["type"] for error in caught.value.errors()] == [kind]


@pytest.mark.parametrize("name", CONTENT)
def test_every_key_must_be_there(name):
    with pytest.raises(ValidationError) as caught:
        Parameters.model_validate({key: value for key, value in CONTENT.items() if key != name})
    assert [(error["type"], error["loc"]) for error in caught.value.errors()] == [("missing", (name,))]


def test_what_is_said_of_a_key_is_found_at_its_field():
    fields = Parameters.model_fields
    assert knob_of(fields["seed"]) == Knob() == Knob("", {}, "", (), None)
    assert knob_of(fields["kind"]) == Knob("which", {}, "slic.names", ("raw",), "first")
    assert knob_of(fields["slic"]) == Knob("of slic", {"compactness": "see there"})
    assert knob_of(Slic.model_fields["compactness"]).text == "how square"
