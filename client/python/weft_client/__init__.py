"""A device that seals its own readings and posts them to a gateway.

    from weft_client import Device

    device = Device("thermo-1.seed", "http://127.0.0.1:4880", "thermo-1", TOKEN, "01020304")
    device.register()
    print(device.post("hall/temp", "21.4"))

The key is the seed file: 32 secret bytes, made when it does not exist. Beside it lies a file that
says which sequences are used. Both must be kept; no two devices may share them, and a second
program that opens them is refused while the first one runs.
"""

import ctypes
import fcntl
import os
import pathlib
import time
import urllib.request

_RECORD_BYTES = 16
_ROOM = 32 * 1024
_READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_NOW = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)


class _Platform(ctypes.Structure):
    _fields_ = [
        ("context", ctypes.c_void_p),
        ("read", _READ),
        ("write", _READ),
        ("now", _NOW),
        ("random", ctypes.c_void_p),
    ]


class _Signer(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "public_key", "sign")]


class _Sealed(ctypes.Structure):
    _fields_ = [
        ("bytes", ctypes.c_size_t),
        ("content_bytes", ctypes.c_size_t),
        ("sequence", ctypes.c_uint64),
        ("body", ctypes.c_ubyte * 32),
    ]


_LIBRARY = ctypes.CDLL(str(pathlib.Path(__file__).with_name("libweft_client.so")))
_LIBRARY.weft_error_text.restype = ctypes.c_char_p
_LIBRARY.weft_device_size.restype = ctypes.c_size_t
_SIZE = ctypes.c_size_t
_BY_SEED = [
    ctypes.cast(function, ctypes.c_void_p).value
    for function in (_LIBRARY.weft_seed_public_key, _LIBRARY.weft_seed_sign)
]


class WeftError(Exception):
    """Nothing was sealed; the text says why and what to do."""


class Device:
    """A device with its key, its count of sequences and its gateway."""

    def __init__(self, seed_file, gateway, name, token, network):
        """`network` is 8 hexadecimal digits, as `GET /v1/tips` of a node says."""
        self._seed_file = pathlib.Path(seed_file)
        self._flash_file = self._seed_file.with_suffix(".sequence")
        self._url = f"{gateway.rstrip('/')}/up/{name}/sealed"
        self._token = token
        self._lock = self._locked()
        if not self._seed_file.exists():
            self._write(self._seed_file, os.urandom(32))
        size = _LIBRARY.weft_device_size()
        self._memory = (ctypes.c_uint64 * ((size + 7) // 8))()
        # Kept here: the library calls them as long as the device lives.
        calls = _READ(self._flash_read), _READ(self._flash_write), _NOW(self._now)
        self._platform = _Platform(None, *calls, None)
        seed = self._seed_file.read_bytes()
        if len(seed) != 32:
            raise WeftError(f"{seed_file} must hold 32 bytes, not {len(seed)}")
        self._seed = ctypes.create_string_buffer(seed, 32)
        self._signer = _Signer(ctypes.addressof(self._seed), *_BY_SEED)
        number = bytes.fromhex(network)
        if len(number) != 4:
            raise WeftError("a network is 8 hexadecimal digits")
        _check(
            _LIBRARY.weft_device_init(
                self._memory, _SIZE(size), number,
                ctypes.byref(self._signer), ctypes.byref(self._platform),
            )
        )

    def _locked(self):
        """Two programs that count from one file would sign one sequence twice."""
        lock = open(self._seed_file.with_suffix(".lock"), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise WeftError(
                f"another program uses {self._seed_file}; wait for its end, or give it its own"
            ) from None
        return lock

    def register(self):
        """Posts the registration and returns its id. May be repeated: it is the same bytes."""
        out, sealed = (ctypes.c_ubyte * _ROOM)(), _Sealed()
        _check(
            _LIBRARY.weft_device_register(self._memory, out, _SIZE(_ROOM), ctypes.byref(sealed))
        )
        return self.send(bytes(out[: sealed.bytes]), bytes(sealed.body))

    def seal(self, stream, reading, content_type=0):
        """Seals a reading (text or bytes) and returns it and its id: bytes for any link."""
        name = stream.encode()
        content = reading.encode() if isinstance(reading, str) else bytes(reading)
        out, sealed = (ctypes.c_ubyte * _ROOM)(), _Sealed()
        _check(
            _LIBRARY.weft_device_seal(
                self._memory, name, _SIZE(len(name)), ctypes.c_uint16(content_type),
                content, _SIZE(len(content)), out, _SIZE(_ROOM), ctypes.byref(sealed),
            )
        )
        return bytes(out[: sealed.bytes]), bytes(sealed.body)

    def post(self, stream, reading, content_type=0):
        """Seals a reading, posts it to the gateway and returns its id."""
        return self.send(*self.seal(stream, reading, content_type))

    def send(self, body, identifier):
        """Posts a sealed body. May be repeated: the gateway drops repeats."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/vnd.weft.body",
        }
        request = urllib.request.Request(self._url, body, headers)
        with urllib.request.urlopen(request, timeout=30):
            return identifier.hex()

    def _flash_read(self, _context, slot, record):
        try:
            stored = self._flash_file.read_bytes() if self._flash_file.exists() else b""
        except OSError:
            return 1
        stored = stored.ljust(2 * _RECORD_BYTES, b"\xff")
        ctypes.memmove(record, stored[slot * _RECORD_BYTES :], _RECORD_BYTES)
        return 0

    def _flash_write(self, _context, slot, record):
        try:
            stored = self._flash_file.read_bytes() if self._flash_file.exists() else b""
            stored = bytearray(stored.ljust(2 * _RECORD_BYTES, b"\xff"))
            start = slot * _RECORD_BYTES
            stored[start : start + _RECORD_BYTES] = ctypes.string_at(record, _RECORD_BYTES)
            self._write(self._flash_file, bytes(stored))
        except OSError:
            return 1
        return 0

    @staticmethod
    def _write(path, content):
        """Whole or not at all, and on disk when it returns; readable by its owner alone."""
        beside = path.with_name(path.name + ".new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(beside, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @staticmethod
    def _now(_context):
        return int(time.time() * 1000)


def _check(error):
    if error != 0:
        raise WeftError(_LIBRARY.weft_error_text(error).decode())
