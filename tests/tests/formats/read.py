"""Reads a file as programs do, by Python's own parsers and by tools, and prints what it says as JSON."""

import base64
import http.server
import json
import netrc
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import tomllib
import urllib.parse
import xml.parsers.expat

import dotenv
import yaml
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12


def text(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def read_xml(path, names):
    """Each entity twice: in an attribute, and as content."""
    uses = "".join(f'<v name="{name}" value="&{name};">&{name};</v>' for name in names.split(","))
    document = f'<!DOCTYPE r [ <!ENTITY % s SYSTEM "{path}"> %s; ]><r>{uses}</r>'
    parser = xml.parsers.expat.ParserCreate()
    parser.SetParamEntityParsing(xml.parsers.expat.XML_PARAM_ENTITY_PARSING_ALWAYS)
    seen, content = {}, []

    def external(context, _base, system, _public):
        return parser.ExternalEntityParserCreate(context).Parse(text(system), True)

    def start(name, attributes):
        content.clear()
        if name == "v":
            seen[attributes["name"]] = [attributes["value"]]
            parser.CharacterDataHandler = content.append

    def end(name):
        if name == "v":
            list(seen.values())[-1].append("".join(content))

    parser.ExternalEntityRefHandler, parser.StartElementHandler, parser.EndElementHandler = external, start, end
    parser.Parse(document, True)
    return seen


def read_netrc(path, host):
    """What Python reads, and what curl sends."""
    login, _, password = netrc.netrc(path).authenticators(host)
    sent = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            sent.append(base64.b64decode(self.headers["Authorization"].split()[1]).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        address = ["--resolve", f"{host}:{port}:127.0.0.1", f"http://{host}:{port}/"]
        subprocess.run(["curl", "-sS", "--noproxy", "*", "--netrc-file", path, *address], check=True)
        server.shutdown()
    return {"python": [login, password], "curl": sent[0]}


def read_pgpass(path, host, user, database):
    """What libpq sends to a server that wants a password; none if it finds no line."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        environment = {
            **os.environ, "PGPASSFILE": path, "PGHOST": host, "PGHOSTADDR": "127.0.0.1", "PGPORT": str(port),
            "PGUSER": user, "PGDATABASE": database, "PGSSLMODE": "disable", "PGGSSENCMODE": "disable",
        }
        client = subprocess.Popen(["psql", "-w", "-c", ""], env=environment, stderr=subprocess.PIPE)
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
            connection.sendall(b"R" + struct.pack("!II", 8, 3))  # AuthenticationCleartextPassword
            if stream.read(1) != b"p":
                return {"password": None, "said": client.communicate()[1].decode()}
            password = stream.read(struct.unpack("!I", stream.read(4))[0] - 4)[:-1].decode()
        client.kill()
        client.communicate()
        return {"password": password}


def read_pkcs12(path, password):
    with open(path, "rb") as file:
        store = pkcs12.load_pkcs12(file.read(), password.encode())
    key = store.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()).hex()
    all_of_them = [store.cert, *store.additional_certs]
    alias = store.cert.friendly_name
    return {
        "key": key,
        "certificates": [one.certificate.public_bytes(Encoding.DER).hex() for one in all_of_them],
        "alias": alias.decode() if alias else None,
    }


def read_pem(path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return {"loaded": True}


def read_url(path):
    url = urllib.parse.urlsplit(text(path))
    plain = urllib.parse.unquote
    return {
        "scheme": url.scheme, "host": url.hostname, "port": url.port, "query": urllib.parse.parse_qsl(url.query),
        "user": plain(url.username), "password": plain(url.password), "path": plain(url.path),
    }


READERS = {
    "yaml": lambda path: yaml.safe_load(text(path)),
    "toml": lambda path: tomllib.loads(text(path)),
    "dotenv": lambda path: dict(dotenv.dotenv_values(path)),
    "xml": read_xml,
    "netrc": read_netrc,
    "pgpass": read_pgpass,
    "pkcs12": read_pkcs12,
    "pem": read_pem,
    "url": read_url,
}

print(json.dumps(READERS[sys.argv[1]](*sys.argv[2:])))
