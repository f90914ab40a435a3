// One account: what it owns, what it did, what others paid to it.

import { el, empty, facts, figure, panel, replace, table } from "./dom.js";
import { account as find, json } from "./node.js";
import { summary } from "./said.js";
import { accountLink, commitLink, fate, moment, pill, txLink, whole } from "./words.js";

const PAGE = 50;

/** Shows the view. */
export async function account(main, address) {
  const found = await find(address);
  const [balance, done, open] = ["Balance", "Bodies ordered", "As of commit"].map(figure);
  balance.set(BigInt(found.balance).toLocaleString("en-US"));
  done.set(whole(found.consumed));
  open.set(whole(found.commit));
  const [did, got] = [listing("Show older ones"), listing("Show later ones")];
  replace(
    main,
    el("div", { class: "title" }, el("h1", {}, "Account"), registered(found)),
    el("p", {}, el("code", {}, found.address)),
    el("dl", { class: "figures" }, [balance, done, open].map(({ element }) => element)),
    panel("Key and sequences", null, el("div", { class: "inside" }, facts([
      ["Key in force", el("code", {}, found.key)],
      ["Next sequence", whole(found.next)],
      found.gaps.length > 0 && ["Gaps", found.gaps.map(({ first, end }) =>
        end - first > 1 ? `${first}–${end - 1}` : `${first}`).join(", ")],
    ]))),
    panel("History", "newest first", did.list, did.foot),
    panel("Received", "in the order of the ledger", got.list, got.foot),
  );
  await Promise.all([history(found, did), received(found, got)]);
}

const registered = ({ exists, registered }) =>
  exists ? pill("good", "in the ledger")
    : pill("", registered ? "known here, not in the ledger yet" : "never seen");

/** Where a list goes that grows by a page at each press of a button. */
function listing(label) {
  const more = el("button", { class: "button", type: "button" }, label);
  return { list: el("div", {}), more, foot: el("div", { class: "inside" }, more) };
}

/** The history upwards from a sequence; read backwards, a page at a time. */
async function history({ address, consumed }, { list, more, foot }) {
  const rows = [];
  let end = consumed;
  const read = async () => {
    const begin = Math.max(0, end - PAGE);
    const path = `/v1/accounts/${encodeURIComponent(address)}/history`;
    const page = await json(`${path}?after=${begin}&limit=${PAGE}`);
    const bodies = page.bodies.filter(({ sequence }) => sequence < end).reverse();
    end = begin;
    rows.push(...bodies.map((body) => [whole(body.sequence), summary(body.content), fate(body),
      body.commit === undefined ? "–" : commitLink(body.commit), moment(body.time),
      txLink(body.id)]));
    replace(list, rows.length
      ? table("History", [["Sequence", "number"], ["Says", "wide"], ["State", ""],
        ["Commit", "number"], ["Device's clock", ""], ["Transaction", ""]], rows)
      : empty("Nothing yet", "It shows here once it is ordered."));
    foot.hidden = end === 0;
  };
  more.addEventListener("click", read);
  await read();
}

/** Transfers to the account, from the first that is kept. */
async function received({ address }, { list, more, foot }) {
  const rows = [];
  let after = "0";
  const read = async () => {
    const path = `/v1/accounts/${encodeURIComponent(address)}/received`;
    const { transfers, next } = await json(`${path}?after=${after}&limit=${PAGE}`);
    after = next;
    rows.push(...transfers.map((paid) => [BigInt(paid.amount).toLocaleString("en-US"),
      accountLink(paid.from), commitLink(paid.commit), moment(paid.time), txLink(paid.id)]));
    replace(list, rows.length
      ? table("Received", [["Amount", "number"], ["From", "wide"], ["Commit", "number"],
        ["Payer's clock", ""], ["Transaction", ""]], rows)
      : empty("Nothing yet", "Transfers to this account show here once they are final."));
    foot.hidden = transfers.length < PAGE;
  };
  more.addEventListener("click", read);
  await read();
}
