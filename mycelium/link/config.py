"""What a host says about its links over the network, and a topology file never does: certificates, and whom they name."""

from __future__ import annotations

from typing import Self

from pydantic import Field, FilePath, model_validator

from mycelium.config import Config

from .endpoints import Certificates

__all__ = ["LinkConfig"]


class LinkConfig(Config, prefix="MYCELIUM_LINK_"):
    """Links over the network: certificates for TLS, as PEM files, and when a connection is given up."""

    authority: FilePath | None = Field(None, description="who has signed the certificates of other nodes")
    certificate: FilePath | None = Field(None, description="the certificate that nodes of this host show")
    key: FilePath | None = Field(None, description="the private key of that certificate")
    mutual: bool = Field(True, description="whether who calls must show a certificate, too")
    lease_ms: int = Field(
        10_000, ge=100, le=3_600_000, description="milliseconds without a sign of life until a connection is dead"
    )
    names: dict[str, list[str]] = Field(
        {},
        description="common names of the certificates that other nodes show, by node; by default the node and its host",
    )

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            msg = "a certificate and its key are given together"
            raise ValueError(msg)
        if self.certificate is not None and self.authority is None:
            msg = "a certificate needs the authority of those of the others"
            raise ValueError(msg)
        return self

    @property
    def certificates(self) -> Certificates | None:
        """The files for TLS, where there are some."""
        if self.authority is None:
            return None
        return Certificates(self.authority, self.certificate, self.key, self.mutual)
