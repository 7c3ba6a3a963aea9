"""Settings from several sources: which one wins, what is refused, and what a user is told.

Run it: ``python examples/validated_config.py``, or ``mycelium config examples.validated_config``
"""

from __future__ import annotations

import os
from typing import Literal
from unittest.mock import patch

from pydantic import BaseModel, Field, SecretStr, model_validator

from mycelium.config import Config, describe_settings, env_template
from mycelium.errors import InvalidConfigError


class Retry(BaseModel):
    """A group of settings: a variable leads into it with two underscores."""

    attempts: int = Field(3, ge=1, description="tries before a request is given up")
    pause_s: float = Field(0.5, ge=0, description="seconds between two tries")


class GatewayConfig(Config, prefix="GATEWAY_"):
    """How orders reach the exchange."""

    host: str = Field(description="where the exchange listens")
    token: SecretStr = Field(description="access token", min_length=8)
    symbols: list[str] = Field(["BTCUSDT"], min_length=1, description="instruments to trade")
    mode: Literal["paper", "live"] = Field("paper", description="live sends real orders")
    order_max: float = Field(1.0, gt=0, description="largest order, in units of the base asset")
    position_max: float = Field(10.0, gt=0, description="largest position, likewise")
    retry: Retry = Retry()

    @model_validator(mode="after")
    def check_limits(self) -> GatewayConfig:
        """A rule over two settings."""
        if self.order_max > self.position_max:
            msg = f"order_max ({self.order_max:g}) is above position_max ({self.position_max:g})"
            raise ValueError(msg)
        return self


GOOD = {"GATEWAY_HOST": "10.0.0.7", "GATEWAY_TOKEN": "correct horse", "GATEWAY_RETRY__ATTEMPTS": "5"}
WRONG = {
    "GATEWAY_TOKEN": "short",
    "GATEWAY_SYMBOLS": "BTCUSDT,ETHUSDT",
    "GATEWAY_MODE": "life",
    "GATEWAY_RETRY__ATEMPTS": "5",
}
SECTION = {"symbols": ["ETHUSDT"], "retry": {"attempts": 2, "pause_s": 0.1}}


def show_precedence() -> None:
    """Arguments over environment over .env over a topology's section over defaults, setting by setting."""
    config = GatewayConfig.load(
        arguments={"mode": "live"}, section=SECTION, source="demo.toml [actors.gateway.config]", env_file=None
    )
    print(config)
    for row in describe_settings(GatewayConfig, section=SECTION, source="demo.toml", env_file=None).rows:
        print(f"  {row.variable:<25}{row.current:<15}{row.source:<13}{row.description}")


def show_errors() -> None:
    """Everything that is wrong is told at once; secrets stay hidden."""
    try:
        GatewayConfig.load(arguments={"hostt": "10.0.0.7"}, env_file=None)
    except InvalidConfigError as error:
        print(error)


def show_rule() -> None:
    """A config made in the program reads nothing but its arguments, and is validated just the same."""
    try:
        GatewayConfig(host="10.0.0.7", token=SecretStr("correct horse"), order_max=50)
    except InvalidConfigError as error:
        print(error)


def main() -> None:
    """Show each in turn."""
    with patch.dict(os.environ, GOOD):
        show_precedence()
    with patch.dict(os.environ, WRONG):
        show_errors()
    show_rule()
    print(env_template([GatewayConfig]))


if __name__ == "__main__":
    main()
