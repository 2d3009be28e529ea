"""Pictures of what Slack will show, drawn by the sandbox's own page in a headless browser."""
