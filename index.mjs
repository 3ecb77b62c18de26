// The CommonJS copy is the only one, so `import` and `require` share one addon and one `WS`.
import exported from './index.js';

export const { WS } = exported;
export default exported;
