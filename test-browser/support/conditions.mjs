// A hung test should say what it waits for, long before the whole run is given up.
const LIMIT_MS = 20_000;

/** Conditions that are looked at each time that something has happened. */
export class Conditions {
  #waiting = new Set();
  #whyNever;

  /** `whyNever()` gives a text once nothing more can happen, null before. */
  constructor(whyNever) {
    this.#whyNever = whyNever;
  }

  /** Something has happened. */
  wake() {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves as soon as `isDone()` holds; rejects when it never will. */
  until(isDone) {
    return new Promise((resolve, reject) => {
      const settle = (done) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        done();
      };
      const look = () => {
        const why = this.#whyNever();
        if (isDone()) settle(resolve);
        else if (why !== null) settle(() => reject(new Error(why)));
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`Waited too long for: ${isDone}`)));
      }, LIMIT_MS);
      this.#waiting.add(look);
      look();
    });
  }
}
