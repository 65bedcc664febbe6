"""The least rights of a worker on Kafka, as the README lists them."""

from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from tests.secure.broker import USER

TOPIC, GROUP = 2, 3
PREFIXED = 4
ALLOW = 3
READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS = 3, 4, 8, 10
"""Codes of Kafka's protocol (ResourceType, PatternType, AclPermissionType, AclOperation)."""

TOPICS = ("telemetry.", "water.", "urination.", "post.", "feed.", "iss-agents-")
GROUPS = ("iss-",)


async def grant_least_rights(url: str) -> None:
    """Give the worker's user what it needs to run beside topics that exist, and nothing else."""
    wanted = [(TOPIC, name, right) for name in TOPICS for right in (READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS)]
    wanted += [(GROUP, name, right) for name in GROUPS for right in (READ, DESCRIBE)]
    await grant(url, wanted)


async def grant(url: str, wanted: Iterable[tuple[int, str, int]]) -> None:
    """Give the worker's user rights: kind of resource, prefix of its name, right."""
    admin = AIOKafkaAdminClient(bootstrap_servers=url)
    await admin.start()
    try:
        for kind, name, right in wanted:
            request = CreateAclsRequest(kind, name, PREFIXED, f"User:{USER}", "*", right, ALLOW)
            answer = await admin._send_request(request)
            assert answer.creation_responses[0][0] == 0, answer
    finally:
        await admin.close()
