"""Run notebooks and write them with their outputs: `python notebooks/build.py [NAME ...]`, as `make notebooks` does."""

import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def main() -> None:
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("[0-9]*.py"))
    for name in names:
        notebook, begun = jupytext.read(HERE / f"{name}.py"), time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            client = NotebookClient(
                notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}
            )
            client.execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
        nbformat.write(notebook, HERE / f"{name}.ipynb")
        print(f"{name}: {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
