#!/bin/sh
# Makes the worker's user and gives it the least rights; run as often as you like.
set -eu

rpk() {
    command rpk "$@" -X brokers=redpanda:9092 -X tls.ca=/certificates/ca.pem \
        -X admin.hosts=redpanda:9644 -X admin.tls.ca=/certificates/ca.pem \
        -X user=operator -X pass="$KAFKA_OPERATOR_PASSWORD" -X sasl.mechanism=SCRAM-SHA-512
}

rpk security user create worker --password "$KAFKA_PASSWORD" --mechanism SCRAM-SHA-512 \
    || rpk security user update worker --new-password "$KAFKA_PASSWORD" --mechanism SCRAM-SHA-512

for topics in telemetry. water. urination. post. feed. iss-agents-; do
    rpk security acl create --allow-principal User:worker --resource-pattern-type prefixed \
        --topic "$topics" --operation read,write,describe,describe_configs
done
rpk security acl create --allow-principal User:worker --resource-pattern-type prefixed \
    --group iss- --operation read,describe
