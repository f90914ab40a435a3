// What somebody typed, and the view that shows it. The form of the text says what it is; only of 64
// digits one has to ask the node whether they are a transaction or a body.

import { announce } from "./dom.js";
import { body, transaction, Trouble } from "./node.js";

/** Where a text leads, without the leading `#`. */
export async function place(text) {
  const query = text.trim();
  const bare = query.toLowerCase();
  if (/^[0-9a-f]{64}$/.test(bare)) return `/${await which(bare)}/${bare}`;
  if (/^t?weft1[0-9a-z]{20,}$/.test(bare)) return `/account/${bare}`;
  if (/^#?[0-9][0-9,]*$/.test(query)) return `/commit/${query.replace(/[#,]/g, "")}`;
  return `/stream/${encodeURIComponent(query)}`;
}

async function which(id) {
  for (const [view, find] of [["tx", transaction], ["body", body]]) {
    try {
      await find(id);
      return view;
    } catch (trouble) {
      if (!(trouble instanceof Trouble) || trouble.status !== 404) throw trouble;
    }
  }
  // The view says that it is not here, and why.
  return "tx";
}

/** Makes the search form work. */
export function search(form) {
  const field = form.elements.query;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!field.value.trim()) return;
    try {
      location.hash = await place(field.value);
      field.value = "";
      field.blur();
    } catch (trouble) {
      announce(trouble.message);
      field.setCustomValidity(trouble.message);
      field.reportValidity();
    }
  });
  field.addEventListener("input", () => field.setCustomValidity(""));
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      field.focus();
    }
  });
}
