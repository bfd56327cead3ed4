"""`python -m mcp_servers NAMES`, or `kintsugi-mcp NAMES`, starts servers; see `launch`."""

from __future__ import annotations

import gc


def main() -> None:
    """Starts. What is imported stays, so that looking through it for garbage would only cost a fifth of the start."""
    gc.disable()
    from mcp_servers import launch

    launch.main()


if __name__ == "__main__":
    main()
