import pytest

from seqgan.data.grammar import corpus
from seqgan.text.readable import readable


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("the dog , ben and i do n't know .", "The dog, ben and I don't know."),
        ("it 's he ; they 'll go , i 'm here !", "It's he; they'll go, I'm here!"),
        ("they ' re old and it ' s late", "They're old and it's late"),
        ("the dogs ' tails and ben 's hat", "The dogs' tails and ben's hat"),
        ("the dogs ' tails , it ' s fine", "The dogs' tails, it's fine"),
        ("he said , `` go away '' , twice .", 'He said, "go away", twice.'),
        ('" so what ? " she asked . nobody knew .', '"So what?" she asked. Nobody knew.'),
        ("' yes , ' he said", "'Yes,' he said"),
        ("a -LRB- small -RRB- dog ( not big ) [ no ]", "A (small) dog (not big) [no]"),
        ("it costs $ 1 , 000 . 50 , or 20 % more", "It costs $1,000.50, or 20% more"),
        ("1 , 2 , and 3", "1, 2, and 3"),
        ("wait ... what ?! no", "Wait... What?! No"),
        ("once upon a time", "Once upon a time"),
        ("", ""),
        (".", "."),
        ("<end> x", "<end> x"),
    ],
)
def test_words_become_text(words, text):
    assert readable(words, capitals=True) == text


def test_capitals_are_left_alone_unless_asked_for():
    assert readable("the dog ran . i saw it .") == "the dog ran. i saw it."


def test_nothing_but_space_and_case_changes():
    for line in corpus(50):
        made = readable(line, capitals=True)
        assert made.replace(" ", "").lower() == line.replace(" ", "").lower()
        assert " ." not in made
        assert made[0].isupper()
