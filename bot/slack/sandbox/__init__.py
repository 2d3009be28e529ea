"""A Slack workspace for people without Slack: the Web API subset the bot calls, and one page with real buttons."""
