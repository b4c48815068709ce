"""Coverage-guided fuzzing of the way from telemetry's text to its types, by hand:

    pip install -e '.[fuzz]' && python -m tests.fuzz.telemetry -max_total_time=60 -max_len=4096

Begins with a good payload, plain and signed, in a corpus folder of its own unless one is given. Anything but
`TelemetryRejected` ends the run with the input that did it; so does an input that takes more than a second.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports():
    from idp_adapter.adapters.telemetry import Opener
    from idp_adapter.core.signals import parse_telemetry
    from idp_adapter.errors import TelemetryRejected

from tools.driver.telemetry import Device, DeviceKey, Hand

KEY = DeviceKey()
SIGN = 0x80  # a first byte from here on: what follows is signed as a device would


def once(data: bytes) -> None:
    """Open and type one input."""
    text = KEY.sign(data[1:]) if data[:1] >= bytes([SIGN]) else data.decode("utf-8", "surrogateescape")
    try:
        opened = Opener().open(text)
        parse_telemetry(opened.payload, expected_challenge="c-1", key_id=opened.key_id)
    except TelemetryRejected:
        return


def corpus() -> str:
    """A folder with what an honest collector sends."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-telemetry-"))
    fields = [Hand(1).type(name, 9) for name in ("username", "password")]
    plain = Device(key=None).telemetry("c-1", fields)
    touched = plain.replace('"pointer":[', '"pointer":[[1,60,70,"d",0.25,22,14],[9,60,70,"u",0,22,14],')
    (folder / "plain").write_text(plain, "utf-8")
    (folder / "touched").write_text(touched, "utf-8")
    (folder / "signed").write_text(Device().telemetry("c-1", fields), "utf-8")
    (folder / "to-sign").write_bytes(bytes([SIGN]) + plain.encode())
    return str(folder)


def main() -> None:
    """Run with libFuzzer's own options."""
    has_corpus = any(not argument.startswith("-") for argument in sys.argv[1:])
    atheris.Setup([*sys.argv, "-timeout=1", *([] if has_corpus else [corpus()])], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
