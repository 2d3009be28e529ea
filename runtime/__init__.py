"""Runtime decides: outcomes, experiments, gates, measurement, learnings. No Slack, no HTTP server, no queue."""
