"""`python -m pointillist`, for launchers such as torchrun."""

from pointillist.cli import main

main()
