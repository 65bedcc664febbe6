#!/bin/sh
# Gives the worker's user the least rights; run as often as you like. Addresses and password are in RPK_*.
set -eu

for topics in telemetry. water. urination. post. feed. iss-agents-; do
    rpk security acl create --allow-principal User:worker --resource-pattern-type prefixed \
        --topic "$topics" --operation read,write,describe,describe_configs
done
rpk security acl create --allow-principal User:worker --resource-pattern-type prefixed \
    --group iss- --operation read,describe
