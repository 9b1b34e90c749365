"""Commands of a library on a disk of 300 kB: `python starved.py FOLDER KNOWN`; prints what each says, as JSON.

The folder becomes a file system of its own, which needs the right to mount one (`unshare -m`).
"""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

SIZE = 300 * 1024
BUILD = "library samplers:draw --draws 400 --workers 1 --out lib --quiet --column scaffold -n"


def called(line):
    """Exit code, standard error and the names in the folder after a command."""
    import molgan.__main__

    sys.argv = ["molgan", *line.split(" ")]
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        try:
            molgan.__main__.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
    return {"code": code, "said": err.getvalue(), "left": sorted(path.name for path in Path().iterdir())}


def main(folder, known):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True)
    with contextlib.chdir(folder):
        told = {"build": called(f"{BUILD} 1500"), "more": called(f"{BUILD} 200000")}
        free = Path("fill")
        with contextlib.suppress(OSError), open(free, "wb") as file:
            for _ in range(1000):
                file.write(bytes(1024))
                file.flush()
        with contextlib.suppress(OSError), open(free, "r+b") as file:
            file.truncate(free.stat().st_size - 10_000)
        for name, line in {
            "export": "library export lib --out lib.csv",
            "table": "library export lib --out lib.parquet",
            "query": "library query lib FROM\tlibrary\tSELECT\trepeat(smiles,100) --out all.csv",
            "merge": "library merge lib --out both",
            "pick": f"{BUILD} 1000 --pick 500",
            "known": f"{BUILD} 2000 --column similarity --known {known}",
        }.items():
            told[name] = called(line)
        free.unlink()
        told["still"] = called("library info lib --check")
        told["again"] = called(f"{BUILD} 1600")
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
