"""How personal data is shown to staff who may not see it in clear."""


def mask_email(address: str) -> str:
    """Show enough to tell two addresses apart: `anna.b@shop.example` → `a***@s***.example`."""
    local, at, domain = address.partition("@")
    if not at:
        return mask(address)
    host, _, top = domain.rpartition(".")
    return f"{local[:1]}***@{host[:1]}***.{top}"


def mask(value: str) -> str:
    """Show the first letter only."""
    return f"{value[:1]}***" if value else ""
