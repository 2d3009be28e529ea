"""What all tables share: the metadata they register in, and the type of a moment."""

from sqlalchemy import DateTime, MetaData

metadata = MetaData()
Moment = DateTime(timezone=True)
"""An instant; Postgres stores UTC and hands back aware datetimes."""
