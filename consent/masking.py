"""How personal data is shown to staff who may not see it in clear."""


def mask_email(address: str) -> str:
    """Show enough to tell two addresses apart: `anna.b@shop.example` → `a***@s***.example`."""
    local, at, domain = address.partition("@")
    if not at:
        return mask(address)
    host, dot, top = domain.rpartition(".")
    # A bare host such as `intranet` has no ending that many share.
    return f"{local[:1]}***@{host[:1]}***.{top}" if dot else f"{local[:1]}***@{mask(domain)}"


def mask(value: str) -> str:
    """Show the first letter only."""
    return f"{value[:1]}***" if value else ""


def mask_value(value: object) -> str:
    """Show the first letter of a text; numbers, dates and lists are hidden whole, their first
    digit would tell too much. Nothing stays nothing.
    """
    if value is None:
        return ""
    return mask(value) if isinstance(value, str) and not value[:1].isdigit() else "***"
