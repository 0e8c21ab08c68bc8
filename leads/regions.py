"""Countries by any of their names, and the sales region each belongs to."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

REGIONS: dict[str, str] = {
    "nordics": "DK NO SE FI IS FO GL AX SJ",
    "dach": "DE AT CH LI",
    "benelux": "BE NL LU",
    "uk_ireland": "GB IE GG JE IM GI",
    "france": "FR MC GP MQ RE GF YT PM BL MF NC PF WF",
    "southern_europe": "ES PT IT GR MT CY AD SM VA",
    "eastern_europe": "PL CZ SK HU RO BG SI HR RS BA ME MK AL XK UA BY MD RU EE LV LT",
    "north_america": "US CA PR VI GU AS MP UM",
    "latin_america": (
        "MX BR AR CL CO PE EC UY PY BO VE GY SR FK GT HN SV NI CR PA BZ CU DO HT JM TT BB BS AG DM GD KN LC "
        "VC AW CW SX BQ KY BM TC VG AI MS"
    ),
    "middle_east": "AE SA QA KW BH OM YE IL PS JO LB SY IQ IR TR GE AM AZ",
    "africa": (
        "ZA NG KE EG MA DZ TN LY GH CI SN CM ET TZ UG RW ZM ZW BW NA MZ AO MG MU SC SD SS SO DJ ER ML NE BF "
        "BJ TG GM GN GW SL LR CV ST GQ GA CG CD CF TD BI MW LS SZ KM MR EH SH IO"
    ),
    "asia_pacific": (
        "IN CN JP KR SG HK MO TW TH VN MY ID PH AU NZ BD LK NP PK AF BT MV MM KH LA BN TL MN KP KZ UZ KG TJ "
        "TM FJ PG SB VU WS TO KI TV NR PW FM MH CK NU TK PN NF CX CC"
    ),
}
_REGION_OF = {code: region for region, codes in REGIONS.items() for code in codes.split()}


def region_of(country: str) -> str:
    """Return the region of a two-letter country code, "" if there is none."""
    return _REGION_OF.get(country, "")


@lru_cache(maxsize=4096)
def country_code(text: str) -> str:
    """Return the two-letter code of a country given by a code or by a name; "" if unknown."""
    code = text.strip().upper()
    if code in _REGION_OF:
        return code
    return _names().get(_spelled(text), "")


def _spelled(name: str) -> str:
    return " ".join(name.casefold().replace("\u2019", "'").split())


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Map country names in a dozen languages, and three-letter codes, to two-letter codes."""
    listed: dict[str, list[str]] = json.loads(Path(__file__).with_name("countries.json").read_text("utf-8"))
    return {name: code for code, names in listed.items() for name in names}
