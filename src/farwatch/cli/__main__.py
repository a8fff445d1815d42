"""`python -m farwatch.cli` is the command `farwatch`."""

from farwatch.cli import main

main()
