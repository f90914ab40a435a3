// One commit: who led to it, and what it ordered, with outcomes.

import { el, facts, panel, replace, table } from "./dom.js";
import { commit as find } from "./node.js";
import { ago, bodyLink, pill, txLink, whole } from "./words.js";

const SHOWN_FIRST = 100;

/** Shows the view. */
export async function commit(main, text) {
  const found = await find(text || "latest");
  const { index, leaves, certified } = found;
  const list = el("div", {});
  const more = el("button", { class: "button", type: "button" }, "Show all");
  const fill = (count) => {
    replace(list, table("Transactions of this commit", [["Place", "number"], ["Transaction", ""],
      ["Body", ""], ["Outcome", "wide"]], leaves.slice(0, count).map((leaf, place) => [
      whole(place), txLink(leaf.id, 12, 8), bodyLink(leaf.body, 12, 8),
      leaf.outcome.code === "applied" ? pill("good", "applied") : pill("bad", leaf.outcome.detail),
    ])));
    more.hidden = leaves.length <= count;
  };
  more.addEventListener("click", () => fill(leaves.length));
  fill(SHOWN_FIRST);
  replace(
    main,
    el("div", { class: "title" }, el("h1", {}, `Commit ${whole(index)}`),
      certified ? pill("good", "certified") : pill("", "not certified yet")),
    el("nav", { class: "row", "aria-label": "Other commits" },
      index > 1 && el("a", { class: "button", href: `#/commit/${index - 1}` }, "← Before"),
      el("a", { class: "button", href: `#/commit/${index + 1}` }, "Next →")),
    panel("What it is", null, el("div", { class: "inside" }, facts([
      ["Id", el("code", {}, found.id)],
      ["Before it", el("code", {}, found.previous)],
      ["Committee's time", ago(found.time)],
      ["Led to by", `the checkpoint of validator ${found.leader} in round ${whole(found.round)}`],
      found.state_root && ["State root", el("code", {}, found.state_root)],
      ["Ordered", `${whole(leaves.length)} transactions`],
    ]))),
    leaves.length ? panel("What it ordered", null, list, el("div", { class: "inside" }, more))
      : el("p", { class: "notice" }, "It ordered nothing: nothing had been waiting."),
  );
  if (!more.isConnected || more.hidden) more.parentElement?.remove();
}
