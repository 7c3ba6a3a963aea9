"""The words of Uniswap event logs, as declared layouts.

A log of the EVM has up to four topics and its data, all in big-endian words of 32 bytes. Topic 0 is
the hash of the event's signature; the other topics are its indexed parameters; the data holds the
rest. Each class below lays out the words after topic 0: first the indexed parameters, then the data.

The constraints are the widths of the ABI (``uint112``, ``address``, ``int24``) and the bounds that a
pool keeps, so `ref_from_validated` tells a log of a pool from one that only carries its topic.
Sources: Uniswap v2-core ``IUniswapV2Pair``, v3-core ``IUniswapV3PoolEvents`` and ``TickMath``,
v3-periphery ``INonfungiblePositionManager``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from tlv import TLV, i256, u256

__all__ = ["EVENTS", "IGNORED", "DexEvent"]

SQRT_PRICE_MIN = 4295128739
SQRT_PRICE_MAX = 1461446703485210103287273052203988822378723970342
TICK_MAX = 887272

AddressWord = Annotated[u256, Lt(2**160)]
Uint112 = Annotated[u256, Lt(2**112)]
# The highest value stands for none in our messages; no pool comes near it.
Uint128 = Annotated[u256, Lt(2**128 - 1)]
# A pool lets at most 2**128 / (number of usable ticks) units in at one tick.
Liquidity = Annotated[u256, Lt(2**122)]
Tick = Annotated[i256, Ge(-TICK_MAX), Le(TICK_MAX)]
SqrtPrice = Annotated[u256, Ge(SQRT_PRICE_MIN), Lt(SQRT_PRICE_MAX)]
# What 2**128 units of liquidity are worth between the lowest and the highest price.
Amount = Annotated[u256, Lt(2**193)]
Loan = Annotated[u256, Lt(2**255)]
TokenId = Annotated[u256, Gt(0), Lt(2**256 - 1)]


class V2SyncWords(TLV, byteorder="big"):
    reserve0: Uint112
    reserve1: Uint112


class V2SwapWords(TLV, byteorder="big"):
    sender: AddressWord
    to: AddressWord
    amount0_in: Uint112
    amount1_in: Uint112
    amount0_out: Uint112
    amount1_out: Uint112

    def validate(self) -> None:
        if not (self.amount0_in or self.amount1_in):
            raise ValueError("a swap pays something in")
        if not (self.amount0_out or self.amount1_out):
            raise ValueError("a swap pays something out")


class V2MintWords(TLV, byteorder="big"):
    sender: AddressWord
    amount0: Uint112
    amount1: Uint112


class V2BurnWords(TLV, byteorder="big"):
    sender: AddressWord
    to: AddressWord
    amount0: Uint112
    amount1: Uint112


class V3InitializeWords(TLV, byteorder="big"):
    sqrt_price_x96: SqrtPrice
    tick: Tick


class V3SwapWords(TLV, byteorder="big"):
    sender: AddressWord
    recipient: AddressWord
    amount0: i256
    amount1: i256
    sqrt_price_x96: SqrtPrice
    liquidity: Uint128
    tick: Tick

    def validate(self) -> None:
        if self.amount0 > 0 < self.amount1 or self.amount0 < 0 > self.amount1:
            raise ValueError("a swap pays one token in and the other out")


class V3MintWords(TLV, byteorder="big"):
    owner: AddressWord
    tick_lower: Tick
    tick_upper: Tick
    sender: AddressWord
    liquidity: Liquidity
    amount0: Amount
    amount1: Amount

    def validate(self) -> None:
        _check_range(self.tick_lower, self.tick_upper)


class V3BurnWords(TLV, byteorder="big"):
    owner: AddressWord
    tick_lower: Tick
    tick_upper: Tick
    liquidity: Liquidity
    amount0: Amount
    amount1: Amount

    def validate(self) -> None:
        _check_range(self.tick_lower, self.tick_upper)


class V3CollectWords(TLV, byteorder="big"):
    owner: AddressWord
    tick_lower: Tick
    tick_upper: Tick
    recipient: AddressWord
    amount0: Uint128
    amount1: Uint128

    def validate(self) -> None:
        _check_range(self.tick_lower, self.tick_upper)


class V3FlashWords(TLV, byteorder="big"):
    sender: AddressWord
    recipient: AddressWord
    amount0: Loan
    amount1: Loan
    paid0: Loan
    paid1: Loan


class IncreaseLiquidityWords(TLV, byteorder="big"):
    token_id: TokenId
    liquidity: Liquidity
    amount0: Amount
    amount1: Amount


class DecreaseLiquidityWords(TLV, byteorder="big"):
    token_id: TokenId
    liquidity: Liquidity
    amount0: Amount
    amount1: Amount


class ManagerCollectWords(TLV, byteorder="big"):
    token_id: TokenId
    recipient: AddressWord
    amount0: Amount
    amount1: Amount


def _check_range(tick_lower: int, tick_upper: int) -> None:
    if tick_lower >= tick_upper:
        raise ValueError("tick_lower must be below tick_upper")


_OF_MANAGER = frozenset({"IncreaseLiquidity", "DecreaseLiquidity", "manager Collect"})


@dataclass(frozen=True)
class DexEvent:
    """One event: its signature, how many of its parameters are topics, and the layout of its words."""

    name: str
    signature: str
    topic: bytes
    indexed: int
    words: type[TLV]

    @property
    def by_manager(self) -> bool:
        """Whether the position manager emits it, and not a pool."""
        return self.name in _OF_MANAGER

    @property
    def data_size(self) -> int:
        return self.words.layout.size - 32 * self.indexed


def _event(name: str, signature: str, topic: str, indexed: int, words: type[TLV]) -> tuple[bytes, DexEvent]:
    key = bytes.fromhex(topic)
    return key, DexEvent(name, signature, key, indexed, words)


EVENTS: dict[bytes, DexEvent] = dict(
    (
        _event(
            "V2 Sync",
            "Sync(uint112,uint112)",
            "1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1",
            0,
            V2SyncWords,
        ),
        _event(
            "V2 Swap",
            "Swap(address,uint256,uint256,uint256,uint256,address)",
            "d78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822",
            2,
            V2SwapWords,
        ),
        _event(
            "V2 Mint",
            "Mint(address,uint256,uint256)",
            "4c209b5fc8ad50758f13e2e1088ba56a560dff690a1c6fef26394f4c03821c4f",
            1,
            V2MintWords,
        ),
        _event(
            "V2 Burn",
            "Burn(address,uint256,uint256,address)",
            "dccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496",
            2,
            V2BurnWords,
        ),
        _event(
            "V3 Initialize",
            "Initialize(uint160,int24)",
            "98636036cb66a9c19a37435efc1e90142190214e8abeb821bdba3f2990dd4c95",
            0,
            V3InitializeWords,
        ),
        _event(
            "V3 Swap",
            "Swap(address,address,int256,int256,uint160,uint128,int24)",
            "c42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67",
            2,
            V3SwapWords,
        ),
        _event(
            "V3 Mint",
            "Mint(address,address,int24,int24,uint128,uint256,uint256)",
            "7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde",
            3,
            V3MintWords,
        ),
        _event(
            "V3 Burn",
            "Burn(address,int24,int24,uint128,uint256,uint256)",
            "0c396cd989a39f4459b5fa1aed6a9a8dcdbc45908acfd67e028cd568da98982c",
            3,
            V3BurnWords,
        ),
        _event(
            "V3 Collect",
            "Collect(address,address,int24,int24,uint128,uint128)",
            "70935338e69775456a85ddef226c395fb668b63fa0115f5f20610b388e6ca9c0",
            3,
            V3CollectWords,
        ),
        _event(
            "V3 Flash",
            "Flash(address,address,uint256,uint256,uint256,uint256)",
            "bdbdb71d7860376ba52b25a5028beea23581364a40522f6bcfb86bb1f2dca633",
            2,
            V3FlashWords,
        ),
        _event(
            "IncreaseLiquidity",
            "IncreaseLiquidity(uint256,uint128,uint256,uint256)",
            "3067048beee31b25b2f1681f88dac838c8bba36af25bfb2b7cf7473a5847e35f",
            1,
            IncreaseLiquidityWords,
        ),
        _event(
            "DecreaseLiquidity",
            "DecreaseLiquidity(uint256,uint128,uint256,uint256)",
            "26f6a048ee9138f2c0ce266f322cb99228e8d619ae2bff30c67f8dcf9d2377b4",
            1,
            DecreaseLiquidityWords,
        ),
        _event(
            "manager Collect",
            "Collect(uint256,address,uint256,uint256)",
            "40d0efd1a53d60ecbf40971b9daf7dc90178c3aadc7aab1765632738fa8b8f01",
            1,
            ManagerCollectWords,
        ),
    )
)

IGNORED: dict[bytes, str] = {
    bytes.fromhex("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"): "Transfer",
    bytes.fromhex("8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"): "Approval",
    bytes.fromhex("0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9"): "PairCreated",
    bytes.fromhex("783cca1c0412dd0d695e784568c96da2e9c22ff989357a2e8b1d9b2b4e6b7118"): "PoolCreated",
}
