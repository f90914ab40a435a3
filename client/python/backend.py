"""Builds the wheel: the Python files and the C library as a shared one (PEP 517).

Needs cargo and cc, and nothing from the network but what cargo needs. An in-tree backend, because
what is to do is one build and one zip file (docs/decisions/0016-tiny-client.md).
"""

import base64
import hashlib
import pathlib
import subprocess
import sysconfig
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VERSION = "0.1.0"
INFO = f"weft_client-{VERSION}.dist-info"


def shared_library():
    """Builds client/c and returns the path of the shared library made of it."""
    target = ROOT / "target" / "tiny"
    manifest = str(ROOT / "client" / "c" / "Cargo.toml")
    build = ["cargo", "build", "--release", "--locked", "--manifest-path", manifest]
    subprocess.run([*build, "--target-dir", str(target)], check=True)
    made = target / "release" / "libweft_client.so"
    archive = target / "release" / "libweft_client.a"
    link = ["cc", "-shared", "-o", str(made), "-Wl,--whole-archive", str(archive)]
    subprocess.run([*link, "-Wl,--no-whole-archive", "-Wl,--gc-sections"], check=True)
    return made


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """PEP 517: writes the wheel and returns its name. Any Python 3, this platform."""
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag = f"py3-none-{platform}"
    files = {
        "weft_client/__init__.py": (HERE / "weft_client" / "__init__.py").read_bytes(),
        "weft_client/libweft_client.so": shared_library().read_bytes(),
        f"{INFO}/METADATA": f"Metadata-Version: 2.1\nName: weft-client\nVersion: {VERSION}\n"
        "License: Apache-2.0\nRequires-Python: >=3.9\n".encode(),
        f"{INFO}/WHEEL": "Wheel-Version: 1.0\nGenerator: weft\nRoot-Is-Purelib: false\n"
        f"Tag: {tag}\n".encode(),
    }
    name = f"weft_client-{VERSION}-{tag}.whl"
    record = ""
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            record += f"{path},sha256={digest.decode()},{len(content)}\n"
        wheel.writestr(f"{INFO}/RECORD", f"{record}{INFO}/RECORD,,\n")
    return name
