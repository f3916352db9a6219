"""The `pointillist` command, and `python -m pointillist` for launchers such as torchrun."""

from pointillist.core.loading import ending_at_once

with ending_at_once():
    from pointillist.cli import main

if __name__ == "__main__":
    main()
