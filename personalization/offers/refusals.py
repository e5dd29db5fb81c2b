"""Why an offer could not be given, in words: the rule that gives it did not apply then."""

from collections.abc import Mapping
from typing import Final

WITHHELD: Final[Mapping[str, str]] = {
    "not_valid": "it is switched off or not valid at this time",
    "had_enough": "this customer had it as often as one person may",
    "used_up": "it was given to all people together as often as it may",
    "no_code": "no code is left",
    "gone": "it does not exist any more",
    "not_given_here": "offers are not given here",
    "no_message": "offers are given with a message only, and none was named",
    "may_not_send": "this customer may not be mailed",
}
