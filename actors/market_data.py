"""The message set of this application: the 17 market-data messages."""

from __future__ import annotations

from mycelium import Domain, actor_messages
from tlv.market_data import MARKET_DATA_MESSAGES

__all__ = ["MarketData"]

MarketData = actor_messages("MarketData", *MARKET_DATA_MESSAGES, domain=Domain.MARKET_DATA)
