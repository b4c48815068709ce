"""`python -m examples.demo_app`: serve the demo app until it is stopped.

Settings, each from the environment as DEMO_APP_<NAME>: ISSUER, CLIENT_ID, CLIENT_SECRET, PORT (8000) or BIND
(127.0.0.1:8000), URL (where browsers find the app), METADATA_URL (where the app finds the issuer's discovery
document).
"""

from __future__ import annotations

import logging
import os

from werkzeug.serving import make_server

from examples.demo_app.app import create_app


def setting(name: str, default: str) -> str:
    """One setting from the environment."""
    return os.environ.get(f"DEMO_APP_{name}") or default


def main() -> None:
    """Serve."""
    host, _, port = setting("BIND", f"127.0.0.1:{setting('PORT', '8000')}").rpartition(":")
    url = setting("URL", f"http://127.0.0.1:{port}")
    app = create_app(
        issuer=setting("ISSUER", "http://127.0.0.1:8080/realms/demo"),
        client_id=setting("CLIENT_ID", "web-app"),
        client_secret=setting("CLIENT_SECRET", "web-app-secret"),
        app_url=url,
        metadata_url=setting("METADATA_URL", "") or None,
    )
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # its request log would hold codes and states
    server = make_server(host, int(port), app, threaded=True)
    print(f"The demo app is at {url}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
