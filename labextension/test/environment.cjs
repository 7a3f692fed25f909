/** jsdom, with what every browser has and jsdom lacks: Node's fetch and its kin, which are the same. */
const { default: JSDOM } = require('jest-environment-jsdom');

module.exports = class extends JSDOM {
  async setup() {
    await super.setup();
    Object.assign(this.global, { fetch, Request, Response, Headers, AbortSignal, AbortController, TextEncoder, TextDecoder });
  }
};
