# Makes pay_chain.txt, with nothing but Python's own BLAKE2s: python3 pay_chain.py > pay_chain.txt
import hashlib


def h(domain, *parts):
    return hashlib.blake2s(b"".join(parts), person=domain).digest()


def le(number):
    return number.to_bytes(4, "little")


def split(leaves):
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return leaves[:half], leaves[half:]


def tree(leaves):
    if len(leaves) == 1:
        return h(b"weft.lef", b"\0", leaves[0])
    left, right = split(leaves)
    return h(b"weft.lef", b"\1", tree(left), tree(right))


def path(leaves, at):
    if len(leaves) == 1:
        return []
    left, right = split(leaves)
    if at < len(left):
        return path(left, at) + [tree(right)]
    return path(right, at - len(left)) + [tree(left)]


for number, length in enumerate([1, 2, 255, 256, 257, 512, 513, 1000, 4097, 65536]):
    salt, secret = bytes([number]) * 28, bytes(range(number, number + 32))
    words = [secret]
    for i in range(length, 0, -1):
        words.append(h(b"weft.pay", salt, le(i), words[-1]))
    words.reverse()
    leaves = [h(b"weft.plf", salt, le(k), words[256 * k]) for k in range((length + 255) // 256)]
    print("chain", length, salt.hex(), secret.hex(), tree(leaves).hex())
    for i in sorted({0, 1, 15, 16, 17, 255, 256, 257, length // 2, length - 1, length}):
        if i <= length:
            nodes = path(leaves, min(i // 256, len(leaves) - 1))
            print("claim", i, words[i].hex(), *[node.hex() for node in nodes])
