"""Settings of the server that is simulated: those of docker/compose.yaml, or what MongoDB does by itself."""

from datetime import timedelta
from typing import NamedTuple

from tests.docker.test_compose import SERVICES


class Server(NamedTuple):
    """How often a checkpoint is made, and what is added to the configuration of WiredTiger and of an index."""

    checkpoint: timedelta = timedelta(seconds=60)
    engine_config: str = ""
    index_config: str = ""


def composed() -> Server:
    """Return the settings of the service `mongo`."""
    options = dict(word.split("=", 1) for word in SERVICES["mongo"]["command"] if "=" in word)
    return Server(
        timedelta(seconds=float(options["--syncdelay"])),
        options["--wiredTigerEngineConfigString"],
        options["--wiredTigerIndexConfigString"],
    )
