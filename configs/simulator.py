"""Settings of the simulated venues and pools in `actors.simulator`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from mycelium import Config

__all__ = ["SimulatedPoolsConfig", "SimulatedVenuesConfig"]

Price = Annotated[Decimal, Field(ge=Decimal("0.001"), le=1_000_000_000)]

_PRICES = {"BTCUSDT": Decimal(42_000), "ETHUSDT": Decimal(2_300)}


class SimulatedVenuesConfig(Config, prefix="SIMULATED_VENUES_"):
    """Which markets are simulated, for how long and how fast."""

    seed: int = Field(1, description="the same seed gives the same messages; share it with the pools")
    messages: int = Field(160_000, ge=1, description="messages to emit")
    exchanges: list[str] = Field(
        ["north", "south", "west"], min_length=1, description="exchanges, as the venue table spells them"
    )
    prices: dict[str, Price] = Field(_PRICES, min_length=1, description="symbols and their prices at the start")
    speed: str = Field("max", description='"max", or a factor of market time such as "1x"')


class SimulatedPoolsConfig(Config, prefix="SIMULATED_POOLS_"):
    """Which instrument the pools trade, for how long and how fast."""

    seed: int = Field(1, description="the same seed gives the same messages; share it with the venues")
    messages: int = Field(10_000, ge=1, description="messages to emit")
    symbol: str = Field("ETHUSDT", description="what the pools trade; their venues have this symbol")
    price: Price = Field(_PRICES["ETHUSDT"], description="its price at the start")
    pair: str = Field("simulated-v2", description="exchange of the Uniswap V2 pair in the venue table")
    pool: str = Field("simulated-v3", description="exchange of the Uniswap V3 pool in the venue table")
    manager: str = Field("simulated-manager", description="name of the position manager in the venue table")
    speed: str = Field("max", description='"max", or a factor of market time such as "1x"')
