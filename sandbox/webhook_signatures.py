"""How each vendor signs a webhook, so that its receiver can tell it from a forged one."""

import base64
import hashlib
import hmac
import re

# HubSpot signs the address with these escapes undone, and leaves all others as they are.
_DECODED = re.compile("%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


def hubspot_signature(secret: str, method: str, address: str, body: bytes, timestamp: str) -> str:
    """The value of X-HubSpot-Signature-v3; `timestamp` is X-HubSpot-Request-Timestamp, milliseconds."""
    plain = _DECODED.sub(lambda found: chr(int(found[1], 16)), address)
    signed = f"{method}{plain}".encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def intercom_signature(secret: str, body: bytes) -> str:
    """The value of X-Hub-Signature."""
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def mailchimp_signature(secret: str, body: bytes, timestamp: int) -> str:
    """The value of X-Mailchimp-Signature; `timestamp` is Unix seconds."""
    signed = f"{timestamp}.".encode() + body
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
