"""The one error of the demo world: a sentence a person can act on."""


class DemoFailed(Exception):
    """The demo cannot go on; the sentence says what to do."""


class Refused(DemoFailed):
    """The agent will not do what the brief would need; the sentence says which line would be crossed."""
