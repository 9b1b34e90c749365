from collections import Counter

from gancore.io.bottom_k import BottomK, place_of


def taken(texts, most, characters=1 << 62):
    sample = BottomK(most, characters)
    left = [gone for text in texts for gone in sample.add(place_of(text), text)]
    return sample, left + sample.close()


def test_it_is_the_same_in_any_order_and_nothing_is_lost():
    texts = [f"text {number % 60}" for number in range(200)]
    sample, left = taken(texts, 10)
    other, _ = taken(texts[::-1], 10)
    assert list(sample.items) == list(other.items) == sorted(set(texts), key=place_of)[:10]
    assert Counter(left) + Counter(text for text in texts if text in sample.items) == Counter(texts)


def test_characters_are_bounded_and_one_text_stays():
    texts = [f"{number:04}" for number in range(100)]
    assert len(taken(texts, 50, characters=20)[0].items) == 5
    assert len(taken(["x" * 100, "y" * 100], 50, characters=20)[0].items) == 1


def test_places_are_even_and_depend_on_the_seed():
    places = [place_of(str(number)) for number in range(4000)]
    assert 0.48 < sum(places) / 4000 < 0.52
    assert 0.08 < sum(place < 0.1 for place in places) / 4000 < 0.12
    assert places[:5] != [place_of(str(number), 1) for number in range(5)]
