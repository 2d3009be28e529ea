"""Where coding agents take their orders, one file each."""
