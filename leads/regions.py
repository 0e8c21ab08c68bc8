"""Countries by any of their names, and the sales region each belongs to."""

from __future__ import annotations

from functools import lru_cache

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

# What people write that no list of names holds.
_ALSO = {
    "uk": "GB",
    "u.k.": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "great britain": "GB",
    "usa": "US",
    "u.s.a.": "US",
    "u.s.": "US",
    "united states of america": "US",
    "america": "US",
    "holland": "NL",
    "the netherlands": "NL",
    "czech republic": "CZ",
    "south korea": "KR",
    "korea": "KR",
    "russia": "RU",
    "uae": "AE",
    "brasil": "BR",
    "deutschland": "DE",
    "österreich": "AT",
    "oesterreich": "AT",
    "schweiz": "CH",
    "suisse": "CH",
    "svizzera": "CH",
    "republic of ireland": "IE",
    "hong kong": "HK",
    "taiwan": "TW",
    "vietnam": "VN",
    "turkey": "TR",
    "türkiye": "TR",
    "macedonia": "MK",
    "ivory coast": "CI",
    "el": "GR",
}


def region_of(country: str) -> str:
    """Return the region of a two-letter country code, "" if there is none."""
    return _REGION_OF.get(country, "")


@lru_cache(maxsize=4096)
def country_code(text: str) -> str:
    """Return the two-letter code of a country given by a code or by a name; "" if unknown."""
    code = text.strip().upper()
    if code in _REGION_OF:
        return code
    name = _spelled(text)
    return _ALSO.get(name) or _names().get(name, "")


def _spelled(name: str) -> str:
    return " ".join(name.casefold().replace("\u2019", "'").split())


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Map country names in many languages, and three-letter codes, to two-letter codes."""
    from holidays.registry import COUNTRIES  # noqa: PLC0415 - slow to load
    from phonenumbers.geodata.locale import LOCALE_DATA  # noqa: PLC0415 - slow to load

    names: dict[str, str] = {}
    contested: set[str] = set()
    for code, by_language in LOCALE_DATA.items():
        for name in by_language.values():
            # A star refers to another language's name.
            if (
                code in _REGION_OF
                and not name.startswith("*")
                and names.setdefault(_spelled(name), code) != code
            ):
                contested.add(_spelled(name))
    for _, code, three, *_ in COUNTRIES.values():
        names[three.casefold()] = code
    return {name: code for name, code in names.items() if name not in contested and code in _REGION_OF}
