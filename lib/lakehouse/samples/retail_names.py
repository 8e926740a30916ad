"""Words that the retail sample makes names of: all invented or picked for it, none taken from anybody's data.

In patterns of telephone numbers and postcodes # stands for a digit and @ for a capital letter. Telephone numbers come
from ranges kept free for fiction where a country has one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a customer can live. county, state: empty where the country's files have none; a province is a state."""

    city: str
    county: str
    state: str
    postcodes: tuple[str, ...]


@dataclass(frozen=True)
class Country:
    """A country with a customer file."""

    name: str
    territory: str
    phone: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class StrangePlace:
    """Where buyers come from whom no customer file knows, and what people there are called."""

    country: str
    territory: str
    city: str
    postcode: str
    phone: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


FIRST_NAMES = (
    "Aldous", "Amabel", "Anouk", "Ansel", "Beatrix", "Bram", "Calla", "Cedric", "Cosima", "Damaris", "Darcy",
    "Delphi", "Eliot", "Eluned", "Esme", "Fenna", "Fergus", "Freya", "Gideon", "Greer", "Hamish", "Hedy", "Imogen",
    "Ingrid", "Iolo", "Isolde", "Jago", "Junia", "Kerensa", "Lachlan", "Linus", "Maren", "Merrin", "Nerys", "Niamh",
    "Orla", "Osric", "Perran", "Petra", "Quillon", "Rhys", "Rosamund", "Saskia", "Seren", "Tamsin", "Torben",
    "Ursel", "Wilhelmina",
)  # fmt: skip
LAST_NAMES = (
    "Alderby", "Applegarth", "Arkwell", "Ashdown", "Barrowclough", "Beckwith", "Birkmoor", "Brackenridge",
    "Calloway", "Carnforth", "Coldstone", "Coppergate", "Cresswell", "Dunmore", "Elmhirst", "Fairbourne", "Fenwick",
    "Garside", "Glaisdale", "Greenhalgh", "Hallam", "Harrowgate", "Hawksworth", "Hazelden", "Illingworth",
    "Kenworthy", "Kirkbride", "Langthorne", "Larkhill", "Lockwood", "Marchbank", "Merriweather", "Nethercott",
    "Oakeshott", "Ormerod", "Penhale", "Pickersgill", "Quayle", "Ravenscroft", "Rookhope", "Satterthwaite",
    "Shadwell", "Silverlock", "Thornbury", "Tolland", "Underhay", "Wetherell", "Winterbourne",
)  # fmt: skip
TRADES = (
    "Garden Supply", "Lighting", "Toys", "Kitchenware", "Stationery", "Outfitters", "Hardware", "Board Games",
    "Home Goods", "Cycles", "Crafts", "Giftware", "Ceramics", "Camping", "Books & Prints", "Clocks", "Models",
    "Textiles", "Music", "Pet Supply", "Tableware", "Tools", "Seeds", "Lamps",
)  # fmt: skip
TOWNS = (
    "Ashmere", "Brackwater", "Calderfold", "Copsehill", "Dunwick", "Eastmere", "Fallowby", "Glenarrow", "Harrowmere",
    "Kestrel Bay", "Larksmoor", "Millbrook Cross", "Northwell", "Oakhollow", "Pinehurst Lake", "Quarry Hill",
    "Redfern Point", "Silverstrand", "Thornleigh", "Westbrow",
)  # fmt: skip
COMPANY_FORMATS = ("{last} {trade} {town}", "{town} {trade}, {last} & Co.", "{last} & Daughters, {town} {trade}")
STREETS = (
    "Alder Walk", "Bellfounders Lane", "Candlemaker Row", "Copper Beech Way", "Dovecote Rise", "Fiddlers Close",
    "Gooseberry Hill", "Hop Garden Terrace", "Kingfisher Quay", "Lantern Street", "Limekiln Road", "Nightingale Mews",
    "Orchard Gate", "Quince Avenue", "Ropewalk", "Saddlers Yard", "Tinker Street", "Windlass Drive",
)  # fmt: skip
FURTHER_ADDRESS_LINES = ("Unit 7", "Gate 3", "Back building", "Hall 12", "Top floor", "Warehouse B, door 4")

COUNTRIES = {
    "gb": Country("UK", "EMEA", "01632-960###", (
        Place("Ashmere", "Kent", "", ("TN# #@@",)),
        Place("Brackwater", "Cumbria", "", ("CA## #@@",)),
        Place("Dunwick", "Suffolk", "", ("IP# #@@",)),
        Place("Fallowby", "Lincolnshire", "", ("LN# #@@", "LN## #@@")),
        Place("Glenarrow", "Argyll", "", ("PA## #@@",)),
        Place("Thornleigh", "Devon", "", ("EX## #@@",)),
    )),
    "ca": Country("Canada", "NA", "613-555-01##", (
        Place("Pinehurst Lake", "", "ON", ("K#@ #@#", "N#@ #@#")),
        Place("Redfern Point", "", "BC", ("V#@ #@#",)),
        Place("Oakhollow", "", "NB", ("E#@ #@#",)),
        Place("Saint-Aubin-du-Lac", "", "QC", ("J#@ #@#", "G#@ #@#")),
        Place("Northwell", "", "AB", ("T#@ #@#",)),
    )),
    "us": Country("USA", "NA", "20#-555-01##", (
        Place("Larksmoor", "Sussex", "NJ", ("078##",)),
        Place("Millbrook Cross", "Franklin", "MA", ("013##",)),
        Place("Copsehill", "Windham", "CT", ("062##",)),
        Place("Quarry Hill", "Placer", "CA", ("956##",)),
        Place("Kestrel Bay", "Door", "WI", ("542##",)),
        Place("Silverstrand", "Nueces", "TX", ("784##",)),
        Place("Westbrow", "Larimer", "CO", ("805##",)),
    )),
    "au": Country("Australia", "APAC", "02-5550-####", (
        Place("Harrowmere", "", "NSW", ("25##",)),
        Place("Calderfold", "", "VIC", ("35##",)),
        Place("Eastmere", "", "TAS", ("72##",)),
        Place("Crocodile Reach", "", "NT", ("08##",)),
        Place("Banksia Flats", "", "WA", ("63##",)),
    )),
}  # fmt: skip
"""Countries with a customer file, by the code in the file's name."""

STRANGE_PLACES = (
    StrangePlace("France", "EMEA", "Vallorbe-sur-Isle", "24###", "01 99 00 ## ##",
                 ("Zoé", "Hélène", "Aimé"), ("Bréchard", "Peyrègne", "Maçonnet")),
    StrangePlace("Japan", "Japan", "Minamikawa", "4##-00##", "03-0000-####",
                 ("Haruki", "Natsuko", "Sora"), ("Kurobane", "Minazuki", "Shirogane")),
    StrangePlace("Germany", "EMEA", "Lindenrode", "37###", "030 23125 ###",
                 ("Jörg", "Käthe", "Günther"), ("Möllendorf", "Bärwald", "Grünspan")),
    StrangePlace("Singapore", "APAC", "Kampong Selat", "0#####", "6000 ####",
                 ("Wei Jie", "Siew Ling", "Farhan"), ("Tay", "Quah", "Sng")),
    StrangePlace("Spain", "EMEA", "Villarroble", "02###", "955 55# ###",
                 ("Begoña", "Iñaki", "Nuño"), ("Peñalver", "Muñiz", "Bordón")),
    StrangePlace("Mexico", "NA", "San Jacinto Alto", "0####", "55 5550 ####",
                 ("Itzel", "Citlali", "Amado"), ("Barragan", "Cisneros", "Zaldivar")),
    StrangePlace("Sweden", "EMEA", "Björkvik", "64# ##", "031-3900 6##",
                 ("Gösta", "Märta", "Åke"), ("Björklund", "Sjöblad", "Ålander")),
)  # fmt: skip
STRANGE_COMPANIES = (
    "Handelshaus", "Comptoir", "Bazar", "Trading Post", "Emporium", "Magasin", "Shokai", "Galeria",
)  # fmt: skip

PRODUCT_LINES = (
    "Garden Tools", "Kitchenware", "Lamps", "Board Games", "Bicycle Parts", "Stationery", "Model Kits", "Camping",
)  # fmt: skip
FAMILIES = ("H5", "H10", "H16", "L4", "L30", "W100")
"""What product codes begin with, before the underscore."""
