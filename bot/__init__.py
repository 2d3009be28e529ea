"""Bot speaks: every door, each of which parses, makes one service call, and renders."""
