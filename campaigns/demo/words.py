"""Turn the data set's till abbreviations into names that can be read."""

import re

PHRASES = {
    "BEERALEMALT LIQUORS": "BEER ALE & MALT LIQUOR",
    "SAUCESSALSAPICANTEE": "SAUCES SALSA PICANTE",
    "DRUG GM": "HEALTH & HOUSEHOLD",
    "CHECKLANE": "CHECKOUT",
    "HISPANIC": "HISPANIC FOODS",
    "NOT MULTI-PACKS": "",
    "PNT BTR": "PEANUT BUTTER",
    "FD WRAPS": "FOOD WRAPS",
    "BKD FD": "BAKED FOOD",
    "SW GDS": "SWEET GOODS",
    "SGL SV/VEND MACH": "SINGLE SERVE",
    "DRY BN": "DRY BEANS",
    "BABYFOOD": "BABY FOOD",
    "J-HOOKS": "HANDY ITEMS",
    "JHOOK -": "",
    "HBC": "CARE",
    "NDAIRY": "NON-DAIRY",
}
WORDS = {
    "ACCESSORIE": "accessories", "BG": "bags", "BGS": "bags", "BKD": "baked", "BRKFST": "breakfast",
    "BTL": "bottle", "CARB": "carbonated", "CATFD": "cat food", "CHIX": "chicken",
    "CHICK": "chicken", "CHOC": "chocolate", "CHOCOCLATE": "chocolate", "CKYS": "cookies",
    "CLEANG": "cleaning", "CNDY": "candy", "CONC": "concentrated", "CRBNTD": "carbonated",
    "CRKR": "crackers", "CRMD": "creamed", "CRYSTL": "crystal", "DISPOSIBLE": "disposable",
    "DNR": "dinner", "DNRS": "dinners", "DRNK": "drink", "DRNKING": "drinking", "DRNKS": "drinks",
    "DRSNG": "dressing", "DSH": "dishes", "FLVR": "flavored", "FLVRD": "flavored",
    "FRE": "fresh", "FRZ": "frozen", "FRZN": "frozen", "FS": "french style", "GA": "gallon",
    "GDS": "goods", "HANDKE": "handkerchiefs", "HYGN": "hygiene", "INCL": "", "IQF": "quick-frozen",
    "IWS": "sliced", "JCE": "juice", "MEMORABLILIA": "memorabilia", "MISC": "assorted",
    "MIXS": "mixes", "MLT": "multi", "MNERAL": "mineral", "MNR": "mineral", "MX": "mix",
    "MXS": "mixes", "MW": "", "PK": "pack", "PKG": "packaged", "PCKGD": "packaged",
    "PKGD": "packaged", "RW": "", "LOBBY": "", "AND": "&", "PKLD": "pickled",
    "PREM": "premium", "PWDR": "powder", "REFRIG": "refrigerated",
    "REFRGRATD": "refrigerated", "REG": "regular", "RTS": "ready to serve", "SALD": "salad",
    "SFT": "soft", "SGL": "single", "SHERBTS": "sherbets", "SNDWCH": "sandwich", "SNGL": "single",
    "SNKS": "snacks", "SOD": "soda", "SPECILATY": "specialty", "SPLY": "supplies",
    "SPRD": "spread", "SRV": "serve", "SS": "single serve", "SUPPPLIES": "supplies", "SV": "serve",
    "SWEETNERS": "sweeteners", "TISS": "tissue", "TORT": "tortilla", "TRSH": "trash",
    "VEG": "vegetable", "WATE": "water", "WHL": "whole", "WHLSM": "wholesome", "WTR": "water",
}  # fmt: skip
# Ends of words that the till cut off after 30 characters.
CUT_OFF = frozenset({"EX", "EXCP", "ET", "A", "O", "P", "N", "T", "S", "W", "BR", "ALL", "ONLY"})
# A type of only these says nothing without its category.
VAGUE = frozenset({
    "adult", "assorted", "baby", "blends", "bulk", "choice", "cooked", "economy", "enhanced",
    "enrobed", "family", "fresh", "garden", "kids", "large", "lean", "mainstream", "mini",
    "natural", "other", "plain", "poultry", "premium", "primal", "regular", "select", "smoked",
    "specialty", "standard", "sticks", "super", "traditional", "value", "variety", "whole",
})  # fmt: skip
# Made-up product lines tell products apart that the data set describes alike.
SERIES = (
    "Classic", "Original", "Harvest", "Blue Label", "Farmhouse", "Signature", "Golden", "Country",
    "Red Label", "Meadow", "Heritage", "Sunrise", "Green Label", "Orchard", "Riverside", "Silver",
    "Homestead", "Hilltop", "Maple", "Lakeside", "Autumn", "Cottage", "Northern", "Prairie",
)  # fmt: skip
_PARENTHESES = re.compile(r"\([^)]*\)?")
_TOKENS = re.compile(r"[A-Z0-9%']+(?:\.\d+)?|&")
LONGEST = 60


def tidy(text: str) -> str:
    """'BAKED BREAD/BUNS/ROLLS' becomes 'Baked Bread, Buns & Rolls'."""
    for phrase, replacement in PHRASES.items():
        text = text.replace(phrase, replacement)
    text = _PARENTHESES.sub(" ", text).replace("/", " & ")
    tokens = _TOKENS.findall(text)
    while tokens and tokens[-1] in CUT_OFF:
        tokens.pop()
    words = " ".join(WORDS.get(token, token.lower()) for token in tokens).strip("& ")
    named = " ".join(word[:1].upper() + word[1:] for word in words.split())
    *most, last = re.split(r"(?: &)+ ", named)
    listed = f"{', '.join(most)} & {last}" if most else last
    return listed if len(listed) <= LONGEST else listed[:LONGEST].rsplit(" ", 1)[0].strip(" ,&")


def size(text: str) -> str:
    """'6 PK/4 OZ' becomes '6 pk, 4 oz'; what holds no number is no size."""
    text = _PARENTHESES.sub("", text).strip().lower()
    if not re.match(r"[\d.]", text) or len(text) > 12:
        return ""
    return re.sub(r"/(?=\d+ )", ", ", re.sub(r"\s+", " ", text))


def product_name(*, kind: str, category: str, package: str) -> str:
    """Type and size; a type that says nothing alone is followed by its category."""
    named = tidy(kind) or tidy(category)
    if {word.lower() for word in named.split()} - {"&"} <= VAGUE:
        named = f"{named} {tidy(category)}"
    return f"{named}, {size(package)}".removesuffix(", ")


def series(number: int) -> str:
    """The product line of the n-th product of one description: '', 'Classic', 'Original' …"""
    if number == 0:
        return ""
    further, place = divmod(number - 1, len(SERIES))
    deeper = series(further)
    return f"{deeper} {SERIES[place]}".strip()
