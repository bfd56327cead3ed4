"""`python -m mcp_servers NAMES` starts servers; see `launch`."""

from mcp_servers.launch import main

if __name__ == "__main__":
    main()
