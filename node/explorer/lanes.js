// Which lane of the picture an issuer has. Lanes are few and issuers may be many: a lane is kept
// while its issuer has something in the picture, then it is free; who finds none shares the last.

/** The lanes of one picture. */
export class Lanes {
  #lanes = [];
  #where = new Map();
  #shared = -Infinity;
  isShared = false;

  /** Makes it `count` lanes; what stood beyond moves to the last one. */
  resize(count) {
    while (this.#lanes.length < count) this.#lanes.push({ issuer: null, seen: 0 });
    for (const { issuer } of this.#lanes.splice(count)) this.#where.delete(issuer);
  }

  get count() {
    return this.#lanes.length;
  }

  /** The lane of `issuer`, who has something at the time `at`. */
  of(issuer, at) {
    const known = this.#where.get(issuer);
    if (known !== undefined) {
      this.#lanes[known].seen = Math.max(this.#lanes[known].seen, at);
      return known;
    }
    const last = this.#lanes.length - 1;
    const free = this.#lanes.findIndex((lane, place) => lane.issuer === null && place < last);
    if (free < 0) {
      this.#shared = Math.max(this.#shared, at);
      return last;
    }
    this.#lanes[free] = { issuer, seen: at };
    this.#where.set(issuer, free);
    return free;
  }

  /** Frees the lanes of those who have had nothing since `before`. */
  forget(before) {
    this.isShared = this.#shared >= before;
    for (const lane of this.#lanes) {
      if (lane.issuer !== null && lane.seen < before) {
        this.#where.delete(lane.issuer);
        lane.issuer = null;
      }
    }
  }

  /** Who has each lane; the last one belongs to all who have none. */
  names() {
    return this.#lanes.map((lane) => lane.issuer);
  }
}
