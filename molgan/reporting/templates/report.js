"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const columns = data.columns, rows = data.rows, flags = data.flags, page = 60;
  const at = id => document.getElementById(id);
  const place = Object.fromEntries(columns.map((name, index) => [name, index]));
  let shown = page;

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function drawing(parts, label) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 200 150");
    svg.setAttribute("font-family", "sans-serif");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    for (const [colour, width, d] of parts[0]) {
      const path = document.createElementNS(space, "path");
      path.setAttribute("d", d);
      path.setAttribute("fill", width ? "none" : colour || "currentColor");
      if (width) { path.setAttribute("stroke", colour || "currentColor"); path.setAttribute("stroke-width", width); }
      svg.append(path);
    }
    for (const [x, y, size, colour, letters] of parts[1]) {
      const text = document.createElementNS(space, "text");
      text.setAttribute("x", x);
      text.setAttribute("y", y);
      text.setAttribute("font-size", size);
      text.setAttribute("fill", colour || "currentColor");
      text.textContent = letters;
      svg.append(text);
    }
    return svg;
  }

  function side(parts, label, caption) {
    const box = element("div");
    box.append(drawing(parts, label), element("p", "", caption));
    return box;
  }

  function card(row) {
    const made = element("article", "molecule");
    made.tabIndex = 0;
    const pair = element("div", "pair");
    pair.append(side(row.drawing, row.smiles, row.name || "#" + row.rank));
    if (row.nearest !== null) {
      const known = data.neighbours[row.nearest];
      pair.append(side(known.drawing, known.smiles, "nearest in training: " + row.similarity.toFixed(2)));
    }
    made.append(pair, element("p", "smiles", row.smiles));
    const values = element("div", "values");
    columns.forEach((name, index) => {
      const value = row.values[index];
      if (value !== null) values.append(element("span", "", name + " " + Number(value.toPrecision(4))));
    });
    made.append(values);
    if (row.novel) made.append(element("span", "badge new", "novel"));
    for (const alert of row.alerts) made.append(element("span", "badge", alert));
    return made;
  }

  function wanted() {
    const text = at("search").value.trim().toLowerCase();
    const sort = place[at("sort").value], order = Number(at("order").value);
    const flag = flags.indexOf(at("flag").value), limit = at("limit").value === "" ? null : Number(at("limit").value);
    const kept = rows.filter(row => {
      const value = row.values[sort];
      return (!text || row.text.includes(text))
        && (flag < 0 || row.flags.includes(flag))
        && (!at("novel").checked || row.novel)
        && (!at("clean").checked || !row.alerts.length)
        && (limit === null || (value !== null && (order < 0 ? value >= limit : value <= limit)));
    });
    const key = row => row.values[sort] === null ? Infinity : order * row.values[sort];
    return kept.sort((one, other) => key(one) - key(other) || one.rank - other.rank);
  }

  function show() {
    const kept = wanted();
    at("grid").replaceChildren(...kept.slice(0, shown).map(card));
    at("count").textContent = kept.length + " of " + rows.length + " molecules" + (kept.length > shown ? ", " + shown + " shown" : "");
    at("more").hidden = kept.length <= shown;
    at("limit-label").textContent = at("order").value < 0 ? "At least" : "At most";
  }

  for (const row of rows) row.text = [row.smiles, row.name, ...row.alerts].join(" ").toLowerCase();
  at("controls").addEventListener("input", () => { shown = page; show(); });
  at("controls").addEventListener("submit", event => event.preventDefault());
  at("more").addEventListener("click", () => { shown += page; show(); });
  window.addEventListener("beforeprint", () => { shown = Math.max(shown, 200); show(); });
  show();
})();
