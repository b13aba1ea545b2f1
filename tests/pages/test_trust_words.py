"""How the trust panel says what was measured."""

from analysis.attribution.faithfulness import Curve, Curves, Faithfulness
from pages.explain.trust_words import area_rows

SHARES = (0.0, 0.5, 1.0)


def curves(insertion: float, deletion: float) -> Curves:
    return Curves(Curve(SHARES, (0.1, insertion, 0.9)), Curve(SHARES, (0.9, deletion, 0.1)))


def test_a_map_is_told_by_how_many_random_orders_it_beats() -> None:
    """Gains of the random orders run from -0.19 to 0.19; insertion and deletion count together."""
    random = tuple(
        curves(0.5 + sign * place / 100, 0.5) for place in range(1, 20) for sign in (1, -1)
    )  # 38 of them
    maps = {"best": curves(0.6, 0.3), "middling": curves(0.9, 0.725), "worst": curves(0.1, 0.9)}
    words = area_rows(Faithfulness(maps, random), {key: key.title() for key in maps})
    assert words["map"].tolist() == ["Best", "Middling", "Worst", "38 random orders"]
    # three maps share what chance may do: 38 orders are too few to call any of them better
    assert words["against chance"].tolist() == [
        "no better: 38 of 38",
        "no better: 36 of 38",
        "no better: 0 of 38",
        "",
    ]
    alone = area_rows(Faithfulness({"best": maps["best"]}, random), {"best": "Best"})
    assert alone["against chance"][0] == "better than all 38"
    assert alone["insertion ↑"].tolist() == ["0.55", "0.50"] and alone["deletion ↓"].tolist() == [
        "0.40",
        "0.50",
    ]


def test_a_map_that_misses_a_few_of_many_orders_may_still_be_better() -> None:
    random = tuple(curves(0.5 + sign * place / 200, 0.5) for place in range(1, 40) for sign in (1, -1))
    found = area_rows(Faithfulness({"good": curves(0.683, 0.5)}, random), {"good": "Good"})
    assert found["against chance"][0] == "better than 75 of 78"
