"""`make serve-provider`: the provider on this machine, until Ctrl-C."""

import argparse

import uvicorn

from tests.provider.people import Provider
from tests.provider.routes import application

HOST = "localhost"
PORT = 9000
CLIENT_ID, CLIENT_SECRET = "local", "no-secret-at-all-on-a-desk"
HERE = ("http://localhost:", "http://127.0.0.1:", "http://localhost/", "http://127.0.0.1/")


def main() -> None:
    """Serve it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=PORT)
    port = parser.parse_args().port
    issuer = f"http://{HOST}:{port}"
    print(  # noqa: T201  # what the command is for
        f"\nAn OpenID provider for trying things out. Put these lines into .env and start the service again:\n\n"
        f"OAUTH_OIDC_ISSUER={issuer}\nOAUTH_OIDC_CLIENT_ID={CLIENT_ID}\nOAUTH_OIDC_CLIENT_SECRET={CLIENT_SECRET}\n",
        flush=True,
    )
    provider = Provider(issuer, CLIENT_ID, CLIENT_SECRET, origins=HERE)
    uvicorn.run(application(provider), host=HOST, port=port, log_level="warning")


if __name__ == "__main__":
    main()
