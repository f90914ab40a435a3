// One transaction, or one body with all its attachments: what it says, how far it has come, and the
// proof of it. Follows it until a quorum vouches for it.

import { el, facts, panel, replace } from "./dom.js";
import * as node from "./node.js";
import { proofPanel } from "./proof.js";
import { deal, together, unpacked } from "./said.js";
import { accountLink, ago, bodyLink, bytes, commitLink, fate, kind, streamLink, txLink, whole }
  from "./words.js";

const FOLLOW_MS = 700;

export const transaction = (main, id) => show(main, () => node.transaction(id));
export const body = (main, id) => show(main, () => node.body(id));

async function show(main, find) {
  let found = await find();
  const state = el("div", {});
  const steps = el("div", {});
  const proof = proofPanel(found.id);
  replace(
    main,
    el("div", { class: "title" }, el("h1", {}, title(found.content.kind)), state),
    el("p", {}, el("code", {}, found.id)),
    steps,
    el("div", { class: "columns" }, said(found), place(found)),
    proof.element,
  );
  const update = () => {
    replace(state, fate(found));
    replace(steps, way(found));
    proof.ready(found.state === "certified");
  };
  update();
  if (found.state === "certified") return undefined;
  const end = node.often(FOLLOW_MS, async () => {
    found = await find().catch(() => found);
    update();
    if (found.state === "certified" || found.stale) end();
  });
  return end;
}

const title = (name) => {
  const text = kind(name);
  return text[0].toUpperCase() + text.slice(1);
};

/** How far it has come. */
function way({ state, commit, leaf, outcome }) {
  const rank = ["attached", "committed", "certified"].indexOf(state);
  const ordered = rank > 0;
  const step = (at, name, text) =>
    el("li", { class: rank >= at && "done" }, name, el("small", {}, text));
  return el("ol", { class: "steps", "aria-label": "How far it has come" }, [
    step(0, "Attached", "on this node's disk, in the Tangle"),
    step(1, "Final", ordered
      ? [commitPlace(commit, leaf), outcome.code === "applied" ? "" : `, ${outcome.detail}`].flat()
      : "waits for its place in the one order of all nodes"),
    step(2, "Certified", rank === 2 ? "a quorum of validators signed that"
      : "waits for a quorum of validators to sign"),
  ].flat());
}

const commitPlace = (commit, leaf) => ["in commit ", commitLink(commit), `, place ${whole(leaf)}`];

function said({ content, issuer, sequence, time, expires }) {
  const batch = content.kind === "data" ? unpacked(content) : null;
  return panel("What it says", null, el("div", { class: "inside" }, facts([
    content.kind === "data" && ["Stream", streamLink(content.stream)],
    content.kind === "data" && !batch && ["Reading", el("pre", { tabindex: 0 }, pretty(content))],
    batch && [`${whole(batch.length)} readings`, el("div", {}, ...together(batch))],
    content.kind === "data" && ["Format", content.content_type_name ?? `${content.content_type}`],
    content.kind === "transfer" && ["Pays", el("ul", {}, content.outputs.map(({ to, amount }) =>
      el("li", {}, `${BigInt(amount).toLocaleString("en-US")} to `, accountLink(to))))],
    content.kind === "transfer" && content.text && ["Reference", content.text],
    content.kind === "key_rotate" && ["Next key", el("code", {}, content.key)],
    ...deal(content),
    ["Issuer", accountLink(issuer, 18, 10)],
    ["Sequence", whole(sequence)],
    ["Device's clock", ago(time)],
    expires > 0 && ["Expires", ago(expires)],
  ])));
}

function place({ body, parents, position, size, scheme, key, nonce, attachments }) {
  const list = (ids) => el("ul", {}, ids.map((id) => el("li", {}, txLink(id, 16, 12))));
  return panel("Where it hangs", null, el("div", { class: "inside" }, facts([
    ["Parents", parents.length ? list(parents) : "none: it was the first"],
    ["Body", bodyLink(body, 16, 12)],
    attachments && ["Attachments", list(attachments)],
    ["Position here", whole(position)],
    ["Size", bytes(size)],
    ["Signature", scheme],
    ["Signed with", el("code", {}, key)],
    ["Proof of work", el("code", {}, nonce)],
  ])));
}

/** JSON with its lines, all else as it is. */
function pretty({ text, data }) {
  if (text === undefined) return data;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
