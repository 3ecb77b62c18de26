'use strict';

/** A token bucket: `rate` messages a second, and `burst` of them at once. */
class RateLimit {
  #rate;
  #burst;
  #tokens;
  #at = performance.now();

  constructor({ rate, burst }) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Whether one more message is within the limit. */
  admits() {
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#rate / 1000);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

module.exports = { RateLimit };
