"""Whose e-mail address counts: a confirmed one, of a person, in our own workspace."""

import pytest

from bot.slack.people import SlackUser, trusted

ANA = {
    "id": "U1",
    "team_id": "T1",
    "is_email_confirmed": True,
    "tz": "Europe/Berlin",
    "profile": {"email": "ana@example.com", "real_name": "Ana"},
}


def test_a_person_of_our_workspace_is_known_by_their_address():
    assert trusted(SlackUser.model_validate(ANA), "T1")


@pytest.mark.parametrize(
    "changed",
    [
        {"team_id": "T2"},
        {"team_id": ""},
        {"deleted": True},
        {"is_bot": True},
        {"is_email_confirmed": False},
        {"profile": {"real_name": "Ana", "display_name": "ana@example.com"}},
    ],
)
def test_whoever_could_have_chosen_the_address_is_nobody(changed):
    assert not trusted(SlackUser.model_validate(ANA | changed), "T1")
