"""Ask the status endpoint of a server on this machine; exit code 0 if a version is AVAILABLE.

    MODEL_NAME=cgan_mnist python healthcheck.py [REST port, 8501]

It needs the standard library alone, and goes through no proxy.
"""

import http.client
import json
import os
import sys


def main() -> None:
    """Ask, and exit."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8501
    name = os.environ["MODEL_NAME"]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", f"/v1/models/{name}")
        answer = json.load(connection.getresponse())
    except (OSError, http.client.HTTPException, ValueError) as error:
        sys.exit(f"no status of {name} on port {port}: {error}")
    states = [version["state"] for version in answer.get("model_version_status", ())]
    if "AVAILABLE" not in states:
        sys.exit(f"{name}: {', '.join(states) or answer.get('error', 'no version')}")


if __name__ == "__main__":
    main()
