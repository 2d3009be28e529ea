"""`python -m bot.cli`: the same as `outcome-runtime`."""

from bot.cli import main

main()
