"""The worker's user on Redpanda: made, or given its password again; run as often as you like.

`rpk` takes a new user's password from its arguments only, which every process of the host can read.
"""

import json
import os
import ssl
import sys
from base64 import b64encode
from http import HTTPStatus
from http.client import HTTPSConnection

USERS = "/v1/security/users"


def ask(admin: str, method: str, path: str, document: dict[str, str]) -> tuple[int, str]:
    """Return status and text of the admin API's answer to the operator."""
    host, _, port = admin.partition(":")
    operator = f"operator:{os.environ['KAFKA_OPERATOR_PASSWORD']}"
    headers = {
        "Authorization": f"Basic {b64encode(operator.encode()).decode()}",
        "Content-Type": "application/json",
    }
    context = ssl.create_default_context(cafile=os.environ["CA_FILE"])
    connection = HTTPSConnection(host, int(port), timeout=30, context=context)
    try:
        connection.request(method, path, json.dumps(document), headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def main() -> None:
    """Make the user; one that is there already gets the password."""
    admin = os.environ["ADMIN_ADDRESS"]
    secret = {"password": os.environ["KAFKA_PASSWORD"], "algorithm": "SCRAM-SHA-512"}
    status, text = ask(admin, "POST", USERS, {"username": "worker", **secret})
    if status != HTTPStatus.OK:
        status, text = ask(admin, "PUT", f"{USERS}/worker", secret)
    if status != HTTPStatus.OK:
        sys.exit(f"Redpanda at {admin} does not make the user: {status} {text.strip()}")


main()
