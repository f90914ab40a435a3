// Checks the proof of a transaction in this browser, with the code that every node runs, compiled
// to WebAssembly. The node only hands over bytes: it cannot make them say what is not so.

import { announce, el, facts, panel, replace } from "./dom.js";
import { genesis, proof } from "./node.js";
import { deal, together } from "./said.js";
import { accountLink, bytes, commitLink, kind, moment, streamLink, whole } from "./words.js";

const VERIFIER = "/explorer/verifier.wasm";

let loaded;

/** The verifier; fetched once, when it is first needed. */
async function verifier() {
  loaded ??= WebAssembly.instantiateStreaming(fetch(VERIFIER), {}).catch((trouble) => {
    loaded = undefined;
    throw trouble;
  });
  return (await loaded).instance.exports;
}

/** What a proof proves to whoever trusts a genesis: `{proven}` or `{refused}`. */
async function judge(trusted, file) {
  const { memory, weft_input, weft_judge, weft_verdict } = await verifier();
  const at = weft_input(trusted.length + file.length);
  if (!at) return { refused: "too long for this browser to check" };
  // The memory may have grown and moved: look at it anew each time.
  new Uint8Array(memory.buffer, at).set(trusted);
  new Uint8Array(memory.buffer, at + trusted.length).set(file);
  const length = weft_judge(trusted.length);
  const text = new Uint8Array(memory.buffer, weft_verdict(), length);
  return JSON.parse(new TextDecoder().decode(text));
}

/** A panel that checks the proof of `id` when it is asked to. */
export function proofPanel(id) {
  const result = el("div", { "aria-live": "polite" });
  const check = el("button", { class: "button main", type: "button" }, "Check it in this browser");
  const spoil = el("button", { class: "button", type: "button", hidden: true },
    "Change one bit, and check again");
  const save = el("a", { class: "button", hidden: true, download: `${id.slice(0, 12)}.proof`,
    href: `/v1/proofs/${id}` }, "Save the proof");
  const act = (button, judged) => button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      replace(result, await judged());
      spoil.hidden = save.hidden = false;
    } catch (trouble) {
      replace(result, refusal("It could not be checked", trouble.message));
    }
    button.disabled = false;
  });
  act(check, () => run(id, false));
  act(spoil, () => run(id, true));
  const element = panel("Proof", "no trust in this node needed", el("div", { class: "inside" },
    el("p", { class: "note" }, "A proof holds the signed body, its place in a commit, and the"
      + " signatures of the validators. It is checked here, by the node's own code compiled for"
      + " browsers; the node only hands over the bytes."),
    el("div", { class: "row" }, check, spoil, save), result));
  return { element, ready: (is) => {
    check.disabled = !is;
    check.textContent = is ? "Check it in this browser" : "Wait until it is certified …";
  } };
}

async function run(id, spoiled) {
  const [trusted, file] = await Promise.all([genesis(), proof(id), verifier()]);
  if (spoiled) file[Math.floor(file.length / 2)] ^= 1;
  const began = performance.now();
  const { proven, refused } = await judge(trusted, file);
  const took = Math.max(1, Math.round(performance.now() - began));
  if (refused) {
    announce("The proof proves nothing");
    const head = spoiled ? "Refused, as it must be" : "This proves nothing";
    return refusal(head, `${refused[0].toUpperCase()}${refused.slice(1)}.`);
  }
  // A true proof of something else would be a lie of the node.
  if (proven.id !== id) {
    return refusal("A proof of another transaction", `The node sent the proof of ${proven.id}.`);
  }
  announce("The proof holds");
  return verdict(proven, took);
}

const refusal = (head, why) =>
  el("div", { class: "verdict bad" }, el("h3", {}, `✗ ${head}`), el("p", {}, why));

function verdict(proven, took) {
  const { said, votes: [weight, needed, all] } = proven;
  const before = proven.not_before === null
    ? `unknown: ${proven.no_lower_bound}` : moment(proven.not_before);
  return el("div", { class: "verdict good" },
    el("h3", {}, `✓ Proven, in ${took} ms, by this browser alone`),
    facts([
      ["Said by", accountLink(proven.issuer, 18, 10)],
      ["Says", words(said)],
      ["Its own clock", proven.time === 0 ? "none" : [moment(proven.time), ": its word alone"]],
      ["Outcome", proven.outcome],
      ["Made after", before],
      ["Made before", [moment(proven.not_after), " (commit ", commitLink(proven.commit), ")"]],
      ["Its signature", proven.signed ? "checked: the account's key signed these very bytes"
        : "not in the proof; the committee vouches"],
      ["Committee", `${whole(weight)} of ${whole(all)} votes, ${whole(needed)} needed,`
        + ` for commit ${whole(proven.certified)}`],
      ["Proof", bytes(proven.bytes)],
      ["Trusted genesis", [el("code", {}, proven.genesis), ` (${proven.label})`]],
    ]),
    el("p", { class: "note" }, "All rests on that genesis: compare its id with the one that you"
      + " know, for example with what `weft status --json` says of your own node."));
}

function words(said) {
  if (said.kind === "data") {
    const text = said.text === null ? bytes(said.bytes) : el("code", {}, said.text);
    return ["a reading of ", streamLink(said.stream), ": ", text];
  }
  if (said.kind === "batch") {
    return [`${whole(said.readings.length)} readings of `, streamLink(said.stream), ":",
      ...together(said.readings)];
  }
  if (said.kind === "sealed_batch") {
    return [`chunk ${whole(said.chunk)} of the paid stream `, streamLink(said.stream),
      `, ${whole(said.count)} readings`];
  }
  if (said.kind === "transfer") {
    return el("ul", {}, said.outputs.map(([to, amount]) =>
      el("li", {}, `${BigInt(amount).toLocaleString("en-US")} to `, accountLink(to))));
  }
  if (said.kind === "key_rotate") return ["the next key is ", el("code", {}, said.key)];
  const told = deal(said).filter((fact) => fact);
  return [kind(said.kind), el("ul", {}, told.map(([name, value]) =>
    el("li", {}, `${name}: `, value)))];
}
