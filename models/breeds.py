"""Breeds of cats and dogs, so that a folder of breeds gets its two groups by itself.

The names are the 37 of Oxford-IIIT Pet, the 120 of Stanford Dogs, and other common breeds of cats.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

CAT = "cat"
DOG = "dog"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


OXFORD_CATS = _names("""
    abyssinian bengal birman bombay british_shorthair egyptian_mau maine_coon persian ragdoll russian_blue
    siamese sphynx
""")
OXFORD_DOGS = _names("""
    american_bulldog american_pit_bull_terrier basset_hound beagle boxer chihuahua english_cocker_spaniel
    english_setter german_shorthaired great_pyrenees havanese japanese_chin keeshond leonberger
    miniature_pinscher newfoundland pomeranian pug saint_bernard samoyed scottish_terrier shiba_inu
    staffordshire_bull_terrier wheaten_terrier yorkshire_terrier
""")
OTHER_CATS = _names("""
    american_bobtail american_curl american_shorthair american_wirehair balinese british_longhair burmese
    burmilla chartreux colorpoint_shorthair cornish_rex cymric devon_rex domestic_long_hair
    domestic_medium_hair domestic_short_hair egyptian_cat european_shorthair exotic_shorthair havana_brown
    himalayan japanese_bobtail khao_manee korat laperm lykoi manx munchkin nebelung norwegian_forest_cat
    ocicat oriental_longhair oriental_shorthair persian_cat peterbald pixie_bob ragamuffin savannah
    scottish_fold selkirk_rex siamese_cat siberian singapura snowshoe somali tabby tabby_cat thai tiger_cat
    tonkinese toyger turkish_angora turkish_van tuxedo
""")
OTHER_DOGS = _names("""
    affenpinscher afghan_hound african_hunting_dog airedale american_staffordshire_terrier appenzeller
    australian_terrier basenji basset bedlington_terrier bernese_mountain_dog black_and_tan_coonhound
    blenheim_spaniel bloodhound bluetick border_collie border_terrier borzoi boston_bull
    bouvier_des_flandres brabancon_griffon briard brittany_spaniel bull_mastiff cairn cardigan
    chesapeake_bay_retriever chow clumber cocker_spaniel collie curly_coated_retriever dandie_dinmont dhole
    dingo doberman english_foxhound english_springer entlebucher eskimo_dog flat_coated_retriever
    french_bulldog german_shepherd german_short_haired_pointer giant_schnauzer golden_retriever
    gordon_setter great_dane greater_swiss_mountain_dog groenendael ibizan_hound irish_setter irish_terrier
    irish_water_spaniel irish_wolfhound italian_greyhound japanese_spaniel kelpie kerry_blue_terrier
    komondor kuvasz labrador_retriever lakeland_terrier leonberg lhasa malamute malinois maltese_dog
    mexican_hairless miniature_poodle miniature_schnauzer norfolk_terrier norwegian_elkhound norwich_terrier
    old_english_sheepdog otterhound papillon pekinese pembroke redbone rhodesian_ridgeback rottweiler saluki
    schipperke scotch_terrier scottish_deerhound sealyham_terrier shetland_sheepdog shih_tzu siberian_husky
    silky_terrier soft_coated_wheaten_terrier staffordshire_bullterrier standard_poodle standard_schnauzer
    sussex_spaniel tibetan_mastiff tibetan_terrier toy_poodle toy_terrier vizsla walker_hound weimaraner
    welsh_springer_spaniel west_highland_white_terrier whippet wire_haired_fox_terrier
""")
CATS = OXFORD_CATS | OTHER_CATS
DOGS = OXFORD_DOGS | OTHER_DOGS

_SYNSET = re.compile(r"^n\d{8}[-_]")
_SEPARATORS = re.compile(r"[\s_-]+")


def species(breed: str) -> str:
    """The species of a breed, "cat" or "dog"; "" where it is not known.

    >>> species("British Shorthair"), species("n02085620-Chihuahua"), species("Truck")
    ('cat', 'dog', '')
    """
    name = _SEPARATORS.sub("_", _SYNSET.sub("", breed.strip().lower()))
    if name in CATS:
        return CAT
    return DOG if name in DOGS else ""


def breed_groups(class_names: Sequence[str]) -> dict[str, str]:
    """Cat or dog for every class; {} unless every class is a known breed and both species are there.

    One unknown name is enough for {}: a wrong group is worse than none, and a groups file is one line.

    >>> breed_groups(["Bengal", "pug"])
    {'Bengal': 'cat', 'pug': 'dog'}
    >>> breed_groups(["Car", "Truck", "bicycle"])
    {}
    """
    groups = {name: species(name) for name in class_names}
    return groups if set(groups.values()) == {CAT, DOG} else {}


def capital_groups(class_names: Sequence[str]) -> dict[str, str]:
    """Cat or dog by the habit of Oxford-IIIT Pet: names of cat breeds start with a capital letter.

    >>> capital_groups(["Bengal", "pug"])
    {'Bengal': 'cat', 'pug': 'dog'}
    """
    return {name: CAT if name[:1].isupper() else DOG for name in class_names}
