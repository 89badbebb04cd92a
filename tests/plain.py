"""
HTTP to the parts of a test, all of which are on this machine and none behind TLS.

To load the authorities of the whole web takes twenty milliseconds, which httpx spends on each
client and on each call without one: here nobody is trusted, which takes none.
"""

from __future__ import annotations

import ssl

import httpx

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# It keeps no connection, because the parts that it talks to are killed and started again.
HTTP = httpx.Client(
    verify=NO_TLS, timeout=30, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
)
