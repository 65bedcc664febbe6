"""Kafka's jars, locked by version and SHA-256, downloaded from Maven Central by jgo and kept."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from iss_agents.errors import UserError

KAFKA = "org.apache.kafka:kafka_2.13:4.1.0"
LOGGING = "org.slf4j:slf4j-simple:1.7.36"
"""The slf4j of this Kafka is 1.7; without a binding the broker logs nothing."""

LOCK = files("iss_agents.local_stack").joinpath("kafka.lock")
"""Every jar that the broker needs, a line each."""

TIMEOUT = 30
"""Seconds without a byte before a download is given up."""


@dataclass(frozen=True)
class Jar:
    """One line of a lock: Maven coordinate `group:artifact:version` and SHA-256 in hex."""

    coordinate: str
    sha256: str

    @property
    def filename(self) -> str:
        """The name Maven gives the file, for example `kafka_2.13-4.1.0.jar`."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


Download = Callable[[str, Path], Path]
"""Downloads the jar of a coordinate into a folder and returns its path; raises OSError or RuntimeError."""

Progress = Callable[[int, int], None]
"""Is told how many jars, of how many, are present."""


def locked_jars(lock: Traversable) -> list[Jar]:
    """Return the jars of a lock."""
    return [Jar(*line.split()) for line in lock.read_text(encoding="ascii").splitlines()]


def jar_folder(home: Path) -> Path:
    """Return the folder of the jars, named by Kafka's version, so that a newer one uses another."""
    return home / f"kafka-{KAFKA.rpartition(':')[2]}"


def download(coordinate: str, folder: Path) -> Path:
    """Download one jar from Maven Central into a repository at `folder`."""
    from jgo.maven import MavenContext  # noqa: PLC0415 - slow to import, and used on the first run only

    group, artifact, version = coordinate.split(":")
    maven = MavenContext(repo_cache=folder, timeout=TIMEOUT)
    jar: Path = maven.project(group, artifact).at_version(version).artifact().resolve()
    return jar


def fetch(jars: Sequence[Jar], folder: Path, progress: Progress, bring: Download = download) -> list[Path]:
    """Return the paths of these jars in `folder`, downloading those that are missing or damaged.

    Every jar is compared with its checksum at every start (45 MB: about 0.1 s), and appears in `folder`
    under its name only after that, so an interrupted download is never used.

    Raises:
        UserError: no network, no permission, or a jar with another checksum than the locked one.
    """
    for count, jar in enumerate(jars, start=1):
        if not _is_here(jar, folder):
            _bring(jar, folder, bring)
            progress(count, len(jars))
    return [folder / jar.filename for jar in jars]


def lock(folder: Path) -> str:
    """Return the text of a lock for `KAFKA` and `LOGGING`, resolved again, for a change of version."""
    import jgo  # noqa: PLC0415 - slow to import, and used by developers only

    artifacts = jgo.resolve(f"{KAFKA}+{LOGGING}")
    coordinates = sorted(f"{part.groupId}:{part.artifactId}:{part.version}" for part in artifacts)
    return "".join(f"{name} {_sha256(download(name, folder))}\n" for name in coordinates)


def _is_here(jar: Jar, folder: Path) -> bool:
    path = folder / jar.filename
    return path.is_file() and _sha256(path) == jar.sha256


def _bring(jar: Jar, folder: Path, bring: Download) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix="download-") as part:
        try:
            path = bring(jar.coordinate, Path(part))
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"{jar.filename} for Apache Kafka could not be fetched from Maven Central: the first start "
                f"needs a network, try again when there is one ({_reason(error)})."
            ) from error
        found = _sha256(path)
        if found != jar.sha256:
            raise UserError(
                f"{jar.filename} from Maven Central has SHA-256 {found}, expected {jar.sha256}: "
                "it is not the expected file and was not kept."
            )
        path.replace(folder / jar.filename)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: Exception) -> str:
    # The text of a network error is a paragraph; its kind says enough.
    return getattr(error, "strerror", None) or type(error).__name__
