"""One request and its answer over the network: the bytes that came, or the error that says what to do.

Requests go straight to httpx's transport. Its client would add redirects, cookies and hooks that an API does
not want, for a third of what a whole request costs (docs/decisions/011).
"""

import ssl
from urllib.request import getproxies, proxy_bypass

import httpx

from connectors.errors import FixConfig, HandOverUnknown, RetryLater
from connectors.rate_headers import Headers

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def network(base_url: str, connections: int) -> httpx.BaseTransport:
    """The way out: through the company's proxy where there is one, but never to this machine."""
    url = httpx.URL(base_url)
    here = url.host in LOOPBACK
    proxies = {} if here or proxy_bypass(url.host) else getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return httpx.HTTPTransport(
        # Certificates take longer to load than a small read takes; without TLS, a context that trusts nobody.
        verify=url.scheme == "https" or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        proxy=f"http://{proxy}" if proxy and "://" not in proxy else proxy,
    )


def exchange(
    way_out: httpx.BaseTransport, request: httpx.Request, label: str, *, repeatable: bool
) -> tuple[int, Headers, bytes]:
    """Status, headers (names in lower case) and body of the answer. Raises ConnectorError without one.

    Not `repeatable`: HandOverUnknown where the request may have been done though no answer came.
    """
    try:
        response = way_out.handle_request(request)
        try:
            headers = {name.lower(): value for name, value in response.headers.raw}
            stream = response.stream
            if isinstance(stream, httpx.SyncByteStream) and b"content-encoding" not in headers:
                body = b"".join(stream)
            else:
                body = response.read()
        finally:
            response.close()
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
        raise FixConfig(f"{label} could not be sent; check the base URL and the token.") from None
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError):
        raise RetryLater(f"{label} found no server; check the base URL and the network.") from None
    except httpx.TimeoutException:
        if not repeatable:
            raise unknown(label, "timed out") from None
        raise RetryLater(f"{label} timed out; run it again later.") from None
    except (httpx.TransportError, httpx.DecodingError):
        if not repeatable:
            raise unknown(label, "was cut off") from None
        raise RetryLater(f"{label} was cut off or truncated; run it again later.") from None
    return response.status_code, headers, body


def unknown(label: str, what: str) -> HandOverUnknown:
    """The error of a write of which nobody can know whether it happened."""
    return HandOverUnknown(f"{label} {what}: it may have been done; look it up before doing it again.")
