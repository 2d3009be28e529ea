"""The Slack door: messages, buttons, forms, threads, commands and the Home tab."""
