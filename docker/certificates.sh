#!/bin/sh
# Makes a CA, a certificate for each server, and the key that members of MongoDB's replica set share; once.
# Each server gets a folder of its own, and workers one that holds nothing but the certificate of the CA.
set -eu

AUTHORITY=${1:-/authority}
PUBLIC=${2:-/ca}
REDPANDA=${3:-/redpanda}
MONGO=${4:-/mongo}
DAYS=3650

# An interrupted start begins again.
if [ -e "$AUTHORITY/ready" ]; then
    exit 0
fi
umask 077

# The certificate is written last: with it the CA is whole, and stays.
if [ ! -e "$AUTHORITY/ca.pem" ]; then
    openssl req -x509 -newkey rsa:3072 -nodes -sha256 -days "$DAYS" -subj "/CN=iss-agents CA" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -keyout "$AUTHORITY/ca.key" -out "$AUTHORITY/ca.new"
    mv "$AUTHORITY/ca.new" "$AUTHORITY/ca.pem"
fi
for folder in "$PUBLIC" "$REDPANDA" "$MONGO"; do
    install -m 444 "$AUTHORITY/ca.pem" "$folder/ca.pem"
    chmod 755 "$folder"
done

certify() { # name, folder and user id of its server
    openssl req -newkey rsa:3072 -nodes -sha256 -subj "/CN=$1" -keyout "$2/$1.key" -out "$AUTHORITY/$1.csr"
    cat > "$AUTHORITY/$1.ext" << END
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:$1,DNS:localhost,IP:127.0.0.1
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
END
    openssl x509 -req -in "$AUTHORITY/$1.csr" -CA "$AUTHORITY/ca.pem" -CAkey "$AUTHORITY/ca.key" -CAcreateserial \
        -sha256 -days "$DAYS" -extfile "$AUTHORITY/$1.ext" -out "$2/$1.crt"
    cat "$2/$1.key" "$2/$1.crt" > "$2/$1.pem"
    chmod 400 "$2/$1.key" "$2/$1.crt" "$2/$1.pem"
    chown "$3" "$2/$1.key" "$2/$1.crt" "$2/$1.pem"
}

certify redpanda "$REDPANDA" 101:101
certify mongo "$MONGO" 999:999

openssl rand -base64 756 > "$MONGO/mongo.keyfile"
chmod 400 "$MONGO/mongo.keyfile"
chown 999:999 "$MONGO/mongo.keyfile"

touch "$AUTHORITY/ready"
