// What is for sale: the offers that this node's ledger has.

import { el, empty, panel, replace, table } from "./dom.js";
import { json, Trouble } from "./node.js";
import { accountLink, bodyLink, moment, streamLink, whole } from "./words.js";

/** Shows the view. */
export async function market(main) {
  const list = el("div", {});
  replace(
    main,
    el("div", { class: "title" }, el("h1", {}, "Market"), el("p", { class: "lead" },
      "Streams that somebody offers to read, by the reading.")),
    panel("Offers", null, list),
    el("p", { class: "note" }, "To read one: ", el("code", {}, "weft market buy OFFER --max 1000"),
      ", where OFFER is the id in the last column. Some readings of most are free to look at: ",
      el("code", {}, "weft market sample OFFER"), "."),
  );
  replace(list, await offers());
}

async function offers() {
  let page;
  try {
    page = await json("/v1/market/offers?limit=100");
  } catch (trouble) {
    if (!(trouble instanceof Trouble) || trouble.status !== 404) throw trouble;
    return empty("This network has no market yet", "Its nodes know no offers. Data flows all the"
      + " same: look at the live view.");
  }
  if (!page.offers?.length) {
    return empty("Nothing is for sale", "Whoever has a stream can offer it: ",
      el("code", {}, "weft market sell STREAM --price 1 --per reading"));
  }
  return table("Offers", [["What", "wide"], ["Stream", ""], ["Price", ""], ["Sample", "number"],
    ["Seller", ""], ["Until", ""], ["Offer", ""]], page.offers.map((offer) => [
    offer.title, streamLink(offer.stream), price(offer), sample(offer), accountLink(offer.seller),
    moment(offer.expiry), bodyLink(offer.id)]));
}

const price = (offer) => `${BigInt(offer.price).toLocaleString("en-US")} per ${offer.unit}`;

const sample = ({ sample_readings }) =>
  sample_readings ? `${whole(sample_readings)} readings` : "none";
