"""The inputs that are measured on: made once, from a seed, so that they are the same everywhere."""
import base64
import json
import os
import random
import sys

HEX = "0123456789abcdef"
WORDS = ("connection timeout user session request worker retry queue disk shard cache miss index buffer "
         "token password key secret authorization page node state event handler").split()


def write(path, size, pieces):
    """Writes pieces until there are so many bytes; a file that is there is kept, one that is half there is not."""
    if not os.path.exists(path):
        with open(path + ".part", "wb") as file:
            while size > 0:
                piece = next(pieces)[:size]
                file.write(piece)
                size -= len(piece)
        os.rename(path + ".part", path)
    return path


def lines(seed, line, size=8 << 20):
    """A few megabytes of lines, in a new order each time."""
    draw = random.Random(seed)
    some, length = [], 0
    while length < size:
        some.append(line(draw))
        length += len(some[-1])
    while True:
        draw.shuffle(some)
        yield "".join(some).encode()


def hexa(draw, n):
    return "".join(draw.choices(HEX, k=n))


def log_line(draw):
    time = "2026-%02d-%02dT%02d:%02d:%02d.%03dZ" % tuple(draw.randrange(1, m) for m in (13, 29, 24, 60, 60, 1000))
    a, b = draw.choice(WORDS), draw.choice(WORDS)
    kind = draw.randrange(5)
    if kind == 0:
        return f'10.0.{draw.randrange(256)}.{draw.randrange(256)} - - [{time}] "GET /static/{hexa(draw, 8)}/app.{hexa(draw, 20)}.js HTTP/1.1" 200 {draw.randrange(99999)}\n'
    if kind == 1:
        return f"{time} INFO  worker-{draw.randrange(64)} req={hexa(draw, 8)}-{hexa(draw, 4)}-{hexa(draw, 12)} {a} {b} in {draw.randrange(9999)}ms\n"
    if kind == 2:
        return f'{{"ts":"{time}","level":"info","trace_id":"{hexa(draw, 32)}","span_id":"{hexa(draw, 16)}","msg":"{a} accepted","n":{draw.randrange(10**6)}}}\n'
    if kind == 3:
        return f"{time} DEBUG pool: {a}; shard={draw.randrange(32)} lag={draw.random():.6f} sha256:{hexa(draw, 64)}\n"
    return f"{time} WARN  {a} {b} from 10.1.2.{draw.randrange(256)}:{draw.randrange(65536)} after {draw.randrange(10)} tries ({b})\n"


def minified(draw):
    a, b = draw.choice("abcdefgh"), draw.choice("nrtuvwxy")
    name = draw.choice("length push prototype value key tokens exports default call props state secretKeys passwordField".split())
    return draw.choice([
        f"function({a},{b}){{return {a}.{name}({b})}},",
        f"var {a}={b}.{name}||{{}},{b}={draw.randrange(9999)};",
        f'{a}.{name}=function(){{if(!{b}.{name})throw Error("{name}");return {a}}};',
        f'{{key:"{name}",value:{a}.{name},token:{b}}},',
        f'{a}({draw.randrange(999)},"{hexa(draw, 8)}"),',
    ])


def blobs(seed, width):
    draw = random.Random(seed)
    while True:
        text = base64.b64encode(draw.randbytes(3 << 20))
        if width:
            text = b"".join(text[i:i + width] + b"\n" for i in range(0, len(text), width))
        yield text


def noise(seed):
    draw = random.Random(seed)
    while True:
        yield draw.randbytes(4 << 20)


def repeated(piece):
    while True:
        yield piece * ((1 << 20) // len(piece))


def tiny(folder, count):
    """So many files of 100 to 3000 bytes of text, 500 in a folder."""
    if os.path.exists(os.path.join(folder, "done")):
        return folder
    draw = random.Random(5)
    pool = next(lines(6, lambda d: "\t%s = %s_%s(%s, %d);\n" % (*(d.choice(WORDS) for _ in range(4)), d.randrange(4096))))
    for number in range(count):
        sub = os.path.join(folder, "%03d" % (number // 500))
        if number % 500 == 0:
            os.makedirs(sub, exist_ok=True)
        start = draw.randrange(len(pool) - 3000)
        with open(os.path.join(sub, "%06d.c" % number), "wb") as file:
            file.write(pool[start:start + draw.randrange(100, 3000)])
    open(os.path.join(folder, "done"), "w").close()
    return folder


def rules(path, count):
    """A rule file with so many more rules."""
    with open(path, "w") as file:
        file.write('service = "bench"\nrotate = "-"\n')
        for n in range(count):
            file.write(f'[[rule]]\nid = "bench.r{n}"\nname = "-"\nwhy = "-"\nseverity = "low"\npattern = \'bench{n:03}_[0-9A-Za-z]{{32}}\'\n')
    return path


def make(folder, scale):
    """All of them, by name."""
    os.makedirs(folder, exist_ok=True)
    at = lambda name: os.path.join(folder, name)
    size = lambda megabytes: int(megabytes * scale * 1e6)
    return {
        "tiny files": tiny(at("tiny"), int(200_000 * scale)),
        "log": write(at("log"), size(2000), lines(1, log_line)),
        "minified JS": write(at("min.js"), size(30), lines(2, minified)),
        "base64": write(at("base64"), size(64), blobs(3, 76)),
        "base64, one line": write(at("base64-line"), size(64), blobs(4, 0)),
        "random": write(at("random"), size(268), noise(7)),
        "no newline": write(at("no-newline"), size(1000), repeated(b"a")),
        "newlines": write(at("newlines"), size(1000), repeated(b"\n")),
        "near-matches": write(at("near"), size(30), repeated(b"password=password=\"key: https://a:b/c ")),
    }


if __name__ == "__main__":
    print(json.dumps(make(sys.argv[1], float(sys.argv[2]))))
