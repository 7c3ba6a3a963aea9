"""Records every message in a file of frames, which `mycelium decode` prints."""

from __future__ import annotations

from typing import Any

from actors.market_data import MarketData
from actors.services.frame_file import FrameFile
from configs.services import RecorderConfig
from mycelium import Actor, handles
from tlv import TLV

__all__ = ["Recorder"]


class Recorder(Actor, receives=MarketData):
    """A disk that fails ends the recorder with a declared error; the rest of the topology goes on."""

    def __init__(self, config: RecorderConfig) -> None:
        super().__init__()
        self.config = config

    def on_start(self) -> None:
        config = self.config
        self.file = FrameFile(config.path, append=config.append, frame_bytes=config.frame_bytes)

    @handles
    def on_message(self, message: TLV) -> None:
        self.file.append(message)

    def on_stop(self) -> None:
        self.file.close()

    def on_failure(self, *_: Any) -> None:
        self.file.abandon()

    def summary(self) -> str:
        return f"{self.file.message_count:,} messages, {self.file.size:,} bytes in {self.config.path}"
