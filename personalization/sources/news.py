"""What a webhook says, in our words: the adapters make these, and the rest does not know shops."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a message is about, by every name it gives; nobody where all are empty."""

    external_id: str = ""
    email: str = ""
    anonymous_id: str = ""

    @property
    def is_known(self) -> bool:
        return bool(self.external_id or self.email)


@dataclass(frozen=True, slots=True)
class Stated:
    """What a shop says a customer allows, since when."""

    purpose: str
    action: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CustomerNews:
    """A customer as the shop has them now. `values` are cells of a customer file; `about` names
    what is told apart from the rest, where a CRM tells one property at a time."""

    values: Mapping[str, object]
    told_at: datetime
    stated: tuple[Stated, ...] = ()
    about: str = ""

    @property
    def is_part(self) -> bool:
        return bool(self.about)


@dataclass(frozen=True, slots=True)
class StockItem:
    """What the stock of a shop counts; `quantity` is None where nobody counts it."""

    item: str
    quantity: int | None
    sells_without: bool = False


@dataclass(frozen=True, slots=True)
class ProductNews:
    """A product as the shop has it now. `values` are cells of a product file."""

    values: Mapping[str, object]
    told_at: datetime
    items: tuple[StockItem, ...] = ()
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class StockNews:
    item: str
    location: str
    available: int | None
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A product in an order or a cart; `key` tells two variants of it apart."""

    key: str
    product_id: str
    quantity: int
    price: Decimal | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refund:
    refund_id: str
    at: datetime
    total: Decimal
    currency: str = ""
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderNews:
    """An order as the shop has it now. `is_placed` is false while nobody has paid or promised."""

    order_id: str
    who: Who
    told_at: datetime
    placed_at: datetime
    is_placed: bool = True
    cancelled_at: datetime | None = None
    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    currency: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    refunds: tuple[Refund, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderGone:
    """An order that the shop threw away, or gave money back for, without saying whose it was."""

    order_id: str
    at: datetime
    refund: Refund | None = None


@dataclass(frozen=True, slots=True)
class CartNews:
    """A cart as it is now; in a checkout `is_checkout` is set."""

    token: str
    who: Who
    told_at: datetime
    started_at: datetime
    is_checkout: bool = False
    currency: str = ""
    total: Decimal | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class EventNews:
    """One event, its properties as JSON values; `id` tells a repeat from a new one."""

    id: str
    name: str
    who: Who
    at: datetime
    properties: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RequestNews:
    """What somebody asks for under the law."""

    kind: str
    reference: str
    who: Who = Who()


@dataclass(frozen=True, slots=True)
class Nothing:
    """A delivery that is of no use here, and why."""

    reason: str


News = (
    CustomerNews
    | ProductNews
    | StockNews
    | OrderNews
    | OrderGone
    | CartNews
    | EventNews
    | RequestNews
    | Nothing
)
