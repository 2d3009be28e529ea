"""The demo world: a simulated shop, its flags, an example coding agent and a scripted person, all outside the product."""
