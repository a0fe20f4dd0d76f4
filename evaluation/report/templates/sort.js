"use strict";
// Tables of objects sort by the column whose head is pressed; refused objects stay below. Without scripts they keep
// their order.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows];
      const key = (row) => {
        if (column === 0) return row.cells[0].firstChild.textContent;
        const cell = row.cells[column];
        return cell && cell.dataset.value !== undefined ? Number(cell.dataset.value) : null;
      };
      rows.sort((a, b) => {
        const last = (row) => (row.classList.contains("refused") || key(row) === null ? 1 : 0);
        if (last(a) !== last(b)) return last(a) - last(b);
        const order = key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
        return down ? -order : order;
      });
      body.append(...rows);
    });
  });
}
