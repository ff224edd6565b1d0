"use strict";
// Sorts and filters what the page holds, and pages through the changed conversations that have no
// details. Texts of the log are only ever set as text.
(function () {
  const all = (selector, from) => Array.from((from || document).querySelectorAll(selector));
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell ? cell.getAttribute("data-v") || cell.textContent.trim() : "";
    const number = Number(text.replace(/[,%]/g, ""));
    return text !== "" && !Number.isNaN(number) ? number : text.toLowerCase();
  };
  const compare = (a, b) => {
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  };

  for (const table of all("table[data-sorts]")) {
    all("thead th", table).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.textContent = "";
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const body = table.tBodies[0];
        const rows = Array.from(body.rows);
        rows.sort((a, b) => compare(value(a, column), value(b, column)) * (up ? 1 : -1));
        body.append(...rows);
      });
    });
  }

  for (const input of all("input[data-filters]")) {
    const table = document.getElementById(input.getAttribute("data-filters"));
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      for (const row of table.tBodies[0].rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
      }
    });
  }

  const kind = document.getElementById("flip-kind");
  const words = document.getElementById("flip-words");
  if (!kind || !words) return;
  const told = all("details.flip");
  const shown = document.getElementById("flips-shown");
  const data = JSON.parse(document.getElementById("more-flips").textContent);
  const body = document.getElementById("more-rows");
  const pager = document.getElementById("more-pager");
  const size = 50;
  let page = 0;
  const matches = (name, text) =>
    (!kind.value || kind.value === name) && text.toLowerCase().includes(words.value.toLowerCase());

  const draw = () => {
    let count = 0;
    for (const flip of told) {
      const found = matches(flip.getAttribute("data-kind"), flip.textContent);
      flip.hidden = !found;
      count += found ? 1 : 0;
    }
    const rows = data.rows.filter((row) =>
      matches(data.kinds[row[1]], [row[0], data.names[row[2]], data.names[row[4]], row[6]].join(" "))
    );
    const pages = Math.max(1, Math.ceil(rows.length / size));
    page = Math.min(page, pages - 1);
    if (body) {
      body.replaceChildren(
        ...rows.slice(page * size, (page + 1) * size).map((row) => {
          const line = document.createElement("tr");
          const turn = (name, at) => (at ? data.names[name] + " at turn " + at : "");
          const cells = [row[0], data.kinds[row[1]], turn(row[2], row[3]), turn(row[4], row[5]), row[6]];
          for (const text of cells) {
            const cell = document.createElement("td");
            cell.textContent = text;
            line.append(cell);
          }
          return line;
        })
      );
      document.getElementById("more-page").textContent =
        "page " + (page + 1) + " of " + pages + ", " + rows.length + " conversations";
      pager.hidden = false;
    }
    shown.textContent = count + " of " + told.length + " shown with details";
  };
  const again = () => { page = 0; draw(); };
  kind.addEventListener("change", again);
  words.addEventListener("input", again);
  if (pager) {
    document.getElementById("more-back").addEventListener("click", () => {
      page = Math.max(0, page - 1);
      draw();
    });
    document.getElementById("more-on").addEventListener("click", () => { page += 1; draw(); });
  }
  draw();
})();
