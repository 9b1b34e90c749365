"""Write the tables of docs/family.md anew from the table of members: `python docs/family_page.py`."""

from pathlib import Path

from gancore.facade.family import markdown

PAGE, MARK = Path(__file__).parent / "family.md", "<!-- The tables below are written by docs/family_page.py. -->\n"


def with_tables(page: str) -> str:
    """The page with its tables as the code has them."""
    return page.partition(MARK)[0] + MARK + "\n" + markdown()


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
