#!/bin/sh
# Makes a CA, a certificate for each server, and the key that members of MongoDB's replica set share; once.
set -eu

AUTHORITY=${1:-/authority}
SHARED=${2:-/certificates}
DAYS=3650

# Everything is made beside its place: an interrupted start begins again.
if [ -e "$SHARED/ready" ]; then
    exit 0
fi
umask 077

openssl req -x509 -newkey rsa:3072 -nodes -sha256 -days "$DAYS" -subj "/CN=iss-agents CA" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout "$AUTHORITY/ca.key" -out "$AUTHORITY/ca.pem"
install -m 444 "$AUTHORITY/ca.pem" "$SHARED/ca.pem"

certify() { # name, user id of its server
    openssl req -newkey rsa:3072 -nodes -sha256 -subj "/CN=$1" -keyout "$SHARED/$1.key" -out "$AUTHORITY/$1.csr"
    cat > "$AUTHORITY/$1.ext" << END
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:$1,DNS:localhost,IP:127.0.0.1
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
END
    openssl x509 -req -in "$AUTHORITY/$1.csr" -CA "$AUTHORITY/ca.pem" -CAkey "$AUTHORITY/ca.key" -CAcreateserial \
        -sha256 -days "$DAYS" -extfile "$AUTHORITY/$1.ext" -out "$SHARED/$1.crt"
    cat "$SHARED/$1.key" "$SHARED/$1.crt" > "$SHARED/$1.pem"
    chmod 400 "$SHARED/$1.key" "$SHARED/$1.crt" "$SHARED/$1.pem"
    chown "$2" "$SHARED/$1.key" "$SHARED/$1.crt" "$SHARED/$1.pem"
}

certify redpanda 101:101
certify mongo 999:999

openssl rand -base64 756 > "$SHARED/mongo.keyfile"
chmod 400 "$SHARED/mongo.keyfile"
chown 999:999 "$SHARED/mongo.keyfile"

chmod 755 "$SHARED"
touch "$SHARED/ready"
