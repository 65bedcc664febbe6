"""compose.yaml: what would be noticed only on the machine that it is deployed to."""

import os
import re
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from compose_spec import PyCompose

from iss_agents.config.settings import Settings
from iss_agents.streaming.worker import STOP_SECONDS
from web.api.ingest import BODY_BYTES

FOLDER = Path(__file__).parent.parent.parent / "docker"
TEXT = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
NETWORKS: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["networks"]

FOUR_GIGABYTES = 4096
ONCE = {"certificates", "rights", "topics", "user"}


def chosen(*profiles: str) -> dict[str, dict[str, Any]]:
    return {
        name: service
        for name, service in SERVICES.items()
        if "profiles" not in service or set(service["profiles"]) & set(profiles)
    }


def test_it_follows_the_specification_of_compose() -> None:
    # What YAML itself merges (`<<`) is merged before.
    plain = yaml.safe_dump(yaml.safe_load(TEXT))

    assert set(PyCompose.from_yaml(plain).service_names()) == set(SERVICES)


@pytest.mark.parametrize("workers", ["worker", "roles"])
def test_memory_limits_add_up_to_four_gigabytes_at_most(workers: str) -> None:
    limits = [service["mem_limit"] for service in chosen(workers, "monitoring", "proxy").values()]

    assert all(re.fullmatch(r"\d+m", limit) for limit in limits)
    assert sum(int(limit.removesuffix("m")) for limit in limits) <= FOUR_GIGABYTES


@pytest.mark.parametrize("profile", ["worker", "roles"])
def test_the_workers_of_a_profile_have_all_roles_and_the_feed_is_one_of_its_own(profile: str) -> None:
    workers = {name: service for name, service in chosen(profile).items() if is_worker(service)}

    roles = {name: set(service["environment"]["ISS_ROLES"].split(",")) for name, service in workers.items()}

    assert set().union(*roles.values()) == Settings.model_fields["roles"].default
    assert all("web" in each for each in roles.values()), "each is asked how it is"
    assert [name for name, each in roles.items() if "feed" in each] == ["feed"]
    assert roles["feed"] == {"feed", "web"}, "no watchdog of another part may end it"


def is_worker(service: dict[str, Any]) -> bool:
    return service["image"].startswith("iss-agents:") and "command" not in service


def test_a_worker_has_the_time_to_end_in_order_before_it_is_killed() -> None:
    graces = {service["stop_grace_period"] for service in filter(is_worker, SERVICES.values())}

    assert graces == {"30s"}
    assert STOP_SECONDS <= 20


def test_only_the_proxy_is_reached_from_outside() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    proxy = published.pop("caddy")

    assert proxy == ["80:80", "443:443"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert not published.keys() & {"redpanda", "mongo", "prometheus"}


def test_what_the_world_sees_does_not_reach_kafka_and_mongodb() -> None:
    networks = {name: set(service.get("networks", ())) for name, service in SERVICES.items()}
    workers = {name for name, service in SERVICES.items() if is_worker(service)}

    assert {name for name, joined in networks.items() if joined == {"data", "edge"}} == workers
    assert {name for name, joined in networks.items() if joined == {"edge"}} == {
        "caddy",
        "grafana",
        "prometheus",
    }
    assert networks["redpanda"] == networks["mongo"] == {"data"}
    assert SERVICES["certificates"]["network_mode"] == "none"
    assert NETWORKS["data"] == {"internal": True}


def test_a_worker_believes_the_proxy_and_no_other_container() -> None:
    [edge] = NETWORKS["edge"]["ipam"]["config"]
    proxy = SERVICES["caddy"]["networks"]["edge"]["ipv4_address"]
    trusted = {s["environment"]["ISS_TRUSTED_PROXIES"] for s in SERVICES.values() if is_worker(s)}

    assert trusted == {f"${{TRUSTED_PROXIES:-{proxy}}}"}
    assert ip_address(proxy) in ip_network(edge["subnet"])
    assert ip_address(proxy) not in ip_network(edge["ip_range"]), "nobody else gets it"
    assert ip_address(proxy) != next(ip_network(edge["subnet"]).hosts()), "that is the host"


def test_the_proxy_passes_on_no_body_that_a_worker_would_not_take() -> None:
    [most] = re.findall(r"max_size (\d+)KiB", (FOLDER / "caddy/Caddyfile").read_text())

    assert int(most) * 1024 == BODY_BYTES


@pytest.mark.parametrize(
    "name", sorted(SERVICES.keys() - ONCE - {"worker", "feed", "agents", "archive", "web"})
)
def test_each_server_is_asked_how_it_is(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


SECRET = re.compile(r"\$\$?\{?\w*(?:PASS|TOKEN|SECRET)\w*")
BUILTIN = re.compile(r"^printf %s .* > \S+ &&")
"""What a shell does itself: its arguments are nobody's to see."""


def test_no_secret_is_an_argument_of_a_program() -> None:
    commands = [
        BUILTIN.sub("", word)
        for service in SERVICES.values()
        for key in ("command", "entrypoint", "test")
        for word in (service | service.get("healthcheck", {})).get(key, ())
    ]
    scripts = [path.read_text() for path in FOLDER.rglob("*.sh")]

    assert [each for each in (*commands, *scripts) if SECRET.search(each)] == []
    assert SECRET.search('-X pass="$$KAFKA_OPERATOR_PASSWORD"')


def test_each_container_sees_its_own_keys_and_no_others() -> None:
    seen = {
        name: {each.split(":")[0] for each in service["volumes"] if "certificates" in each}
        for name, service in SERVICES.items()
        if name != "certificates"
    }

    keys = {name: volumes for name, volumes in seen.items() if volumes - {"ca"}}
    assert keys == {"redpanda": {"redpanda-certificates"}, "mongo": {"mongo-certificates"}}
    assert all(seen[name] == {"ca"} for name, service in SERVICES.items() if is_worker(service))
    assert [name for name, each in SERVICES.items() if "authority:/authority" in each["volumes"]] == [
        "certificates"
    ]


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_pinned_limited_logged_and_without_rights(name: str) -> None:
    service = SERVICES[name]

    assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
    assert service["restart"] == ("on-failure" if name in ONCE else "unless-stopped")
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] <= 512
    assert 0 < service["cpus"] <= 1, "a machine with one processor starts it, too"


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if is_worker(service)])
def test_each_worker_is_an_ordinary_user_on_a_root_that_nobody_can_write(name: str) -> None:
    service = SERVICES[name]

    assert (service["user"], service["read_only"], service["tmpfs"]) == ("10001:10001", True, ["/tmp"])
    assert [volume.rpartition(":")[0] or volume for volume in service["volumes"]][1:] == [name]


def test_kafka_and_mongodb_speak_tls_only_and_know_their_users() -> None:
    redpanda = yaml.safe_load((FOLDER / "redpanda/redpanda.yaml").read_text())["redpanda"]
    bootstrap = yaml.safe_load((FOLDER / "redpanda/bootstrap.yaml").read_text())
    listeners = {each["name"] for api in ("kafka_api", "admin") for each in redpanda[api]}
    secured = [each for api in ("kafka_api_tls", "admin_api_tls") for each in redpanda[api]]
    mongo = set(SERVICES["mongo"]["command"])

    assert {each["name"] for each in secured if each["enabled"]} == listeners
    assert (bootstrap["enable_sasl"], bootstrap["admin_api_require_auth"]) == (True, True)
    assert {"--tlsMode=requireTLS", "--keyFile=/certificates/mongo.keyfile"} <= mongo


LITERAL = re.compile(
    r"(?im)^[ \t]*[\w-]*(?:password|secret|token)\w*[ \t]*[:=][ \t]*(?![$\"]*\$|process)['\"]?\w+"
)
"""A line that gives a password, and not by a variable."""


def test_no_file_holds_a_password_and_each_must_be_given() -> None:
    files = [path for path in FOLDER.rglob("*") if path.suffix in {".yaml", ".js", ".sh", ".example"}]
    found = {path.name: LITERAL.findall(path.read_text()) for path in files}
    names = set(re.findall(r"^(\w+PASSWORD)=$", (FOLDER / ".env.example").read_text(), re.MULTILINE))

    assert [name for name, literals in found.items() if literals] == []
    assert LITERAL.search("KAFKA_PASSWORD: hunter2")
    assert set(re.findall(r"\$\{(\w+):\?", TEXT)) == names


def test_workers_are_told_only_what_is_a_setting() -> None:
    known = {f"ISS_{name.upper()}" for name in Settings.model_fields}

    assert set(re.findall(r"\bISS_[A-Z_]+", TEXT)) <= known


def test_every_file_and_volume_that_is_mounted_is_there() -> None:
    declared = set(yaml.safe_load(TEXT)["volumes"])
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    files = {source for source in mounted if source.startswith("./")}

    assert mounted - files == declared
    assert {source for source in files if not (FOLDER / source).exists()} == set()


def test_one_token_is_asked_for_by_workers_and_brought_by_prometheus_and_grafana(tmp_path: Path) -> None:
    asking = {service["environment"]["ISS_READ_TOKEN"] for service in SERVICES.values() if is_worker(service)}
    bringing = {SERVICES[name]["environment"]["READ_TOKEN"] for name in ("prometheus", "grafana")}
    [api] = [source for source in sources() if source["uid"] == "iss-infinity"]
    [job] = yaml.safe_load((FOLDER / "prometheus/prometheus.yaml").read_text())["scrape_configs"]

    # Infinity refuses to ask with an empty one.
    assert (asking, bringing) == ({"${READ_TOKEN:-}"}, {"${READ_TOKEN:-none}"})
    assert (api["jsonData"]["auth_method"], api["secureJsonData"]) == (
        "bearerToken",
        {"bearerToken": "$READ_TOKEN"},
    )
    assert "\nREAD_TOKEN=\n" in (FOLDER / ".env.example").read_text()
    assert file_of_the_token(tmp_path) == (job["authorization"]["credentials_file"], "it's $HOME")


def file_of_the_token(folder: Path) -> tuple[str, str]:
    """Run the command of Prometheus with another program of its name; return the file it gets, and its text."""
    prometheus = SERVICES["prometheus"]
    [command] = prometheus["command"]
    [place] = prometheus["tmpfs"]
    [path] = re.findall(rf"> ({place}\S+) &&", command)
    (folder / "prometheus").write_text("#!/bin/sh\n")
    (folder / "prometheus").chmod(0o755)
    own = command.replace("$$", "$").replace(path, str(folder / "token"))
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "READ_TOKEN": "it's $HOME"}
    subprocess.run([*prometheus["entrypoint"], own], env=environment, check=True)
    return path, (folder / "token").read_text()


def sources() -> list[dict[str, Any]]:
    text = (FOLDER / "grafana/provisioning/datasources/datasources.yaml").read_text()
    found: list[dict[str, Any]] = yaml.safe_load(text)["datasources"]
    return found


def test_grafana_and_prometheus_find_what_they_ask_under_the_names_of_the_services() -> None:
    scraped = yaml.safe_load((FOLDER / "prometheus/prometheus.yaml").read_text())["scrape_configs"]
    targets = {name for job in scraped for each in job["dns_sd_configs"] for name in each["names"]}
    hosts = {urlsplit(source["url"]).hostname for source in sources()}
    plugins = {source["type"] for source in sources()} - {"prometheus"}
    image = (FOLDER / "grafana/Dockerfile").read_text()
    installed = dict(re.findall(r"plugins install (\S+) (\S+)", image))

    workers = {name for name, service in SERVICES.items() if is_worker(service)}
    assert targets == workers - {"web"}, "web is called worker"
    assert hosts <= SERVICES.keys()
    assert installed.keys() == plugins
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in installed.values())
    assert f"FROM grafana/grafana:{SERVICES['grafana']['image'].rpartition(':')[2]}\n" in image
    assert "PREINSTALL" not in TEXT, "a start fetches nothing"
